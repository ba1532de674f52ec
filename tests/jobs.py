"""Small jobs on folders in a temporary place, for tests of what works on a job."""

import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from restyle.batches import Painter
from restyle.domain import ColorTags, NumericPath, VideoInfo
from restyle.images import Pixels, coder_name, encode_image
from restyle.job import Job, Look, StyleRef, VideoSource
from restyle.layout import frames, image_name
from restyle.ledger import Ledger
from restyle.plan import Plan
from restyle.storage import Store, open_store

WIDTH, HEIGHT = 24, 16
INFO = VideoInfo(
    width=WIDTH,
    height=HEIGHT,
    sample_aspect=Fraction(1),
    rotation_deg=0,
    codec="h264",
    container="mp4",
    color=ColorTags(matrix="bt709", primaries="bt709", transfer="bt709"),
    time_base=Fraction(1, 25),
    pts=tuple(range(10)),
    last_duration=1,
)


class SmallJob(NamedTuple):
    """A planned job whose source frames are in the store."""

    data: Store
    control: Store
    plan: Plan
    ledger: Ledger


def small_job(place: Path, frame_count: int = 10, batch_size: int = 4, smooth: float = 0.0) -> SmallJob:
    """Frames of 24x16 pixels, each of another grey, uploaded as PNG."""
    data, control = (open_store(f"file://{place / name}") for name in ("data", "control"))
    job = Job(
        video=VideoSource(key="videos/v.mp4", size_bytes=1, identity="sha256:00"),
        style=StyleRef(name="plain", sha256="00"),
        look=Look(frames="png", smooth=smooth),
    )
    plan = Plan(
        job=job,
        frame_count=frame_count,
        width=WIDTH,
        height=HEIGHT,
        batch_size=batch_size,
        numeric=NumericPath(device="cpu", precision="float32", threads=1, mini_batch=2),
        image_coder=coder_name("png"),
    )
    for i in range(frame_count):
        data.write(frames(job.job_id) + image_name(i, "png"), encode_image(grey(i), "png"))
    return SmallJob(data, control, plan, Ledger(control, data, plan))


def at_once(paint: Callable[[Pixels], Pixels]) -> Painter:
    """A painter that has painted when it is waited for."""
    return lambda frames: partial(paint, frames)


def grey(level: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """One frame, all pixels at `level`."""
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def pixels(image: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The RGB pixels of an image file."""
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
