"""The loss curve is drawn where the losses are."""

import io

import numpy as np
from PIL import Image

from restyle.charts import COLORS, HEIGHT, WIDTH, loss_curve, smoothed


def rows_of(data: bytes, color: str) -> list[float]:
    """The mean row of a curve's pixels in the left and the right half, below the legend."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))[30:]
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    rows, columns = np.nonzero((pixels == wanted).all(axis=2))
    return [float(rows[columns < WIDTH // 2].mean()), float(rows[columns >= WIDTH // 2].mean())]


def test_a_falling_loss_falls_and_a_rising_one_rises() -> None:
    data = loss_curve([{"style": 1 / (i + 1), "content": 0.1 * (i + 1)} for i in range(100)], ["style", "content"])
    assert Image.open(io.BytesIO(data)).size == (WIDTH, HEIGHT)
    left, right = rows_of(data, COLORS[0])
    assert left < right
    left, right = rows_of(data, COLORS[1])
    assert left > right


def test_no_losses_and_odd_ones_are_drawn_too() -> None:
    for losses in ([], [{"style": float("nan")}, {"style": 0.0}], [{"style": 1.0}]):
        assert loss_curve(losses, ["style", "content"])


def test_smoothing_is_a_mean_of_the_last_ten() -> None:
    assert smoothed([(i, float(i)) for i in range(1, 21)])[-1] == (20, 15.5)
