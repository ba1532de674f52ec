"""Draws the course of a training's losses, with nothing but Pillow."""

import io
from collections.abc import Mapping, Sequence
from math import log10

from PIL import Image, ImageDraw

WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 720, 360, 60, 30, 30
COLORS = ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b9770e")
SMOOTHED_OVER = 10


def loss_curve(losses: Sequence[Mapping[str, float]], names: Sequence[str]) -> bytes:
    """A PNG: each named loss over the steps, smoothed, on a logarithmic scale; steps without it are left out."""
    curves = {name: smoothed([(i + 1, step[name]) for i, step in enumerate(losses) if name in step]) for name in names}
    values = [y for curve in curves.values() for _, y in curve]
    low, high = _decades(values)
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)

    def place(step: float, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - 10) * step / max(1, len(losses))
        return x, HEIGHT - BELOW - (HEIGHT - BELOW - ABOVE) * (log10(value) - low) / (high - low)

    for decade in range(low, high + 1):
        x, y = place(0, 10.0**decade)
        draw.line([(x, y), (WIDTH - 10, y)], fill="#dddddd")
        draw.text((LEFT - 6, y), f"{10.0**decade:g}", fill="black", anchor="rm")
    for step in (0, len(losses) // 2, len(losses)):
        draw.text((place(step, 10.0**low)[0], HEIGHT - BELOW + 6), str(step), fill="black", anchor="ma")
    for number, (name, curve) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        draw.text((LEFT + 110 * number, 8), name, fill=color)
        if curve:
            draw.line([place(*point) for point in curve], fill=color, width=2)
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()


def smoothed(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Positive values only (the scale is logarithmic), each the mean of the last SMOOTHED_OVER."""
    kept = [(step, value) for step, value in points if 0 < value < float("inf")]
    means = []
    for i, (step, _) in enumerate(kept):
        last = [value for _, value in kept[max(0, i + 1 - SMOOTHED_OVER) : i + 1]]
        means.append((step, sum(last) / len(last)))
    return means


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Whole powers of ten around the values."""
    if not values:
        return 0, 1
    low, high = (log10(bound) // 1 for bound in (min(values), max(values)))
    return int(low), int(high) + 1
