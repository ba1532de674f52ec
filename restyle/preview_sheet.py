"""The preview sheet: styles by frames, labelled, the source in the first row."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from restyle.images import Pixels

PAPER, INK, PENCIL = "#f7f5f0", "#23201c", "#8a8377"
MARGIN, GAP = 48, 10
LABEL_WIDTH = 300
HEAD_HEIGHT = 130
TITLE_SIZE, NAME_SIZE, SMALL_SIZE = 34, 27, 18
LINE = 1.35
"""Height of a line of text over its size."""


class Row(NamedTuple):
    """A style's name, what it was made from, and the frames in it; all rows have frames of one size."""

    name: str
    origin: str
    frames: Sequence[Pixels]


def preview_sheet(title: str, subtitle: str, times: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """One row a style, one column a moment of the clip; times: what stands above each column."""
    cell_h, cell_w = rows[0].frames[0].shape[:2]
    row_h = max(cell_h, _label_height(rows))
    width = 2 * MARGIN + LABEL_WIDTH + len(times) * (cell_w + GAP) - GAP
    height = 2 * MARGIN + HEAD_HEIGHT + len(rows) * (row_h + GAP) - GAP
    sheet = Image.new("RGB", (max(width, 2 * MARGIN + LABEL_WIDTH + 640), height), PAPER)
    draw = ImageDraw.Draw(sheet)
    left, top = MARGIN + LABEL_WIDTH, MARGIN + HEAD_HEIGHT
    _write(draw, (MARGIN, MARGIN), _shortened(title, TITLE_SIZE, width - 2 * MARGIN), TITLE_SIZE, INK, "la")
    _write(draw, (MARGIN, MARGIN + round(TITLE_SIZE * LINE)), subtitle, SMALL_SIZE, PENCIL, "la")
    for x, time in enumerate(times):
        _write(draw, (left + x * (cell_w + GAP), top - GAP), time, SMALL_SIZE, PENCIL, "ls")
    for y, row in enumerate(rows):
        above = top + y * (row_h + GAP)
        _label(draw, above, row)
        for x, frame in enumerate(row.frames):
            sheet.paste(Image.fromarray(frame), (left + x * (cell_w + GAP), above))
    return sheet


def _label(draw: ImageDraw.ImageDraw, above: int, row: Row) -> None:
    """The style's name in ink, what it was made from in pencil below."""
    for text, size, color in _lines(row):
        _write(draw, (MARGIN, above), text, size, color, "la")
        above += round(size * LINE)


def _label_height(rows: Sequence[Row]) -> int:
    return max(sum(round(size * LINE) for _, size, _ in _lines(row)) for row in rows)


def _lines(row: Row) -> list[tuple[str, int, str]]:
    names = row.name.replace(",", ", ")
    return [
        *((line, NAME_SIZE, INK) for line in _wrapped(names, NAME_SIZE)),
        *((line, SMALL_SIZE, PENCIL) for line in _wrapped(row.origin, SMALL_SIZE)),
    ]


def _wrapped(text: str, size: int) -> list[str]:
    letters = int((LABEL_WIDTH - 2 * GAP) / _width("n", size))
    return textwrap.wrap(text, max(letters, 8))


def _shortened(text: str, size: int, width: float) -> str:
    """The text, without its middle where it is too wide."""
    whole, kept = text, len(text)
    while _width(text, size) > width and kept > 2:
        kept -= 2
        text = f"{whole[: kept // 2]}...{whole[-(kept // 2) :]}"
    return text


def _width(text: str, size: int) -> float:
    return ImageFont.load_default(size).getlength(text)


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, color: str, anchor: str) -> None:
    draw.text(at, text, fill=color, font=ImageFont.load_default(size), anchor=anchor)
