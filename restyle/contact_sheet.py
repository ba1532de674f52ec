"""The contact sheet: a few frames spread over the clip, source above painted."""

import io
from collections.abc import Sequence

from PIL import Image

from restyle.images import decode_image, most_bytes
from restyle.layout import frames, image_name, styled
from restyle.plan import Plan
from restyle.storage import Store

COLUMNS = 4
COLUMN_WIDTH = 480
GAP = 6
SMALL_WIDTH = 960


def sample_frames(frame_count: int, columns: int = COLUMNS) -> list[int]:
    """Frame numbers at the middles of `columns` equal parts of the clip; fewer for shorter clips."""
    parts = min(columns, frame_count)
    return [(2 * i + 1) * frame_count // (2 * parts) for i in range(parts)]


def contact_sheet(data: Store, plan: Plan) -> bytes:
    """JPEG bytes: up to four columns, 480 px wide each; the upper row the source, the lower the painting of it.

    Raises BlobNotFound or FrameCorrupt where a frame that it shows is gone or damaged.
    """
    job_id, image = plan.job.job_id, plan.job.look.image
    numbers = sample_frames(plan.frame_count)
    rows = [
        [_thumbnail(data, prefix + image_name(n, image), plan) for n in numbers]
        for prefix in (frames(job_id), styled(job_id))
    ]
    return _grid(rows)


def in_small(sheet: bytes) -> bytes:
    """A sheet as a JPEG of some 100 kB, to be shown where pictures should be small. Raises OSError for what is none."""
    with Image.open(io.BytesIO(sheet), formats=("jpeg",)) as picture:
        picture.thumbnail((SMALL_WIDTH, SMALL_WIDTH))
        buffer = io.BytesIO()
        picture.save(buffer, "jpeg", quality=80)
    return buffer.getvalue()


def _thumbnail(data: Store, key: str, plan: Plan) -> Image.Image:
    picture = Image.fromarray(
        decode_image(data.read(key, size=most_bytes(plan.width, plan.height)), key, plan.width, plan.height)
    )
    height = max(1, round(picture.height * COLUMN_WIDTH / picture.width))
    return picture.resize((COLUMN_WIDTH, height), Image.Resampling.LANCZOS)


def _grid(rows: Sequence[Sequence[Image.Image]]) -> bytes:
    cell_w, cell_h = rows[0][0].size
    size = (len(rows[0]) * (cell_w + GAP) + GAP, len(rows) * (cell_h + GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            sheet.paste(cell, (GAP + x * (cell_w + GAP), GAP + y * (cell_h + GAP)))
    buffer = io.BytesIO()
    sheet.save(buffer, "jpeg", quality=90)
    return buffer.getvalue()
