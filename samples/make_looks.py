"""Makes the pictures of docs/looks.md from the sample clip: `python samples/make_looks.py`, when styles change."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.runtime import choose_numeric_path
from models.styles import shipped
from restyle.images import Pixels
from restyle.job import Look
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from restyle.preview_sheet import INK, PAPER
from tasks.painters import make_painter
from tasks.previews import preview
from tasks.styles import resolve_style

SAMPLE = Path(__file__).with_name("sample.mp4")
IMAGES = Path(__file__).parents[1] / "docs/images"
FRAME, WIDTH, HEIGHT = 130, 480, 270
COLUMNS, GAP, HEAD = 3, 10, 34
PREVIEW_WIDTH = 1400
QUALITY = 80

LOOKS = {
    "as it is": ("starry_night", Look(strength=0)),
    "--style starry_night": ("starry_night", Look()),
    "--stroke 2": ("starry_night", Look(stroke=2)),
    "--keep-color": ("starry_night", Look(keep_color=True)),
    "--strength 0.5": ("starry_night", Look(strength=0.5)),
    "--style starry_night:0.5,wave:0.5": ("starry_night:0.5,wave:0.5", Look()),
}


def make_preview() -> None:
    """What `restyle preview` makes, smaller."""
    sheet = preview(SAMPLE, SAMPLE.name, [resolve_style(name) for name in shipped()], Look(max_side=WIDTH), ".png")
    whole = Image.open(io.BytesIO(sheet))
    smaller = whole.resize((PREVIEW_WIDTH, round(whole.height * PREVIEW_WIDTH / whole.width)))
    smaller.save(IMAGES / "preview.jpg", quality=QUALITY)


def make_looks() -> None:
    """One frame in every look, named by its options."""
    with FrameDecoder(SAMPLE, probe_video(SAMPLE), WIDTH) as decoder:
        frame = np.stack(list(decoder.frames(FRAME, FRAME + 1)))
    rows = -(-len(LOOKS) // COLUMNS)
    size = (COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + HEAD + GAP) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (words, (style, look)) in enumerate(LOOKS.items()):
        x, y = GAP + i % COLUMNS * (WIDTH + GAP), GAP + i // COLUMNS * (HEIGHT + HEAD + GAP)
        draw.text((x, y + HEAD - 8), words, fill=INK, font=ImageFont.load_default(19), anchor="ls")
        sheet.paste(Image.fromarray(painted(style, look, frame)), (x, y + HEAD))
    sheet.save(IMAGES / "looks.jpg", quality=QUALITY)


def painted(style: str, look: Look, frame: Pixels) -> Pixels:
    """frame: (1, H, W, 3). Returns (H, W, 3)."""
    chosen = resolve_style(style)
    paint = make_painter(chosen.ref, choose_numeric_path(), look, chosen.files.__getitem__)
    picture: Pixels = paint(frame)[0]
    return picture


if __name__ == "__main__":
    make_preview()
    make_looks()
