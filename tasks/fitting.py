"""Painting within the device's memory: by smaller mini-batches where one does not fit, in words where no frame does."""

import logging
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from models.staging import Frames
from restyle.batches import Painter
from restyle.domain import NumericPath
from restyle.errors import OutOfMemory
from restyle.ledger import BatchRecord
from restyle.plan import Plan
from tasks.painters import one_at_a_time, painter

SMALLER = (0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125)
"""Of a frame's sides: what is tried, to say what would fit."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def fitting(plan: Plan, paint_batch: Callable[[Plan, Painter], BatchRecord]) -> BatchRecord:
    """Paint a batch as its plan says, or from its first frame on in smaller mini-batches, which its record then names.

    Raises OutOfMemory where a single frame does not fit, with a size that does.
    """

    def attempt(mini_batch: int) -> BatchRecord:
        numeric = plan.numeric.model_copy(update={"mini_batch": mini_batch})
        return paint_batch(plan.model_copy(update={"numeric": numeric}), new_painter(numeric))

    def new_painter(numeric: NumericPath) -> Painter:
        return one_at_a_time(painter(plan.job.style, numeric, plan.job.look))

    return within_memory(plan.numeric.mini_batch, attempt, new_painter(plan.numeric), (plan.width, plan.height))


def within_memory(mini_batch: int, attempt: Callable[[int], T], paint: Painter, size: tuple[int, int]) -> T:
    """What `attempt` gives with so many frames at a time, or with half as many, and so on. Raises OutOfMemory.

    paint, size: to find out, by width and height, what would fit where one frame does not.
    """
    while True:
        try:
            return attempt(mini_batch)
        except OutOfMemory as error:
            said = str(error)
        if mini_batch == 1:
            raise OutOfMemory(f"{said}; {_advice(paint, *size)}")
        mini_batch //= 2
        log.warning("%s; going on with %d at a time", said, mini_batch)


def noise_frames(count: int, width: int, height: int) -> Frames:
    """Frames to try a model on."""
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def _advice(paint: Painter, width: int, height: int) -> str:
    for share in SMALLER:
        smaller = max(1, round(width * share)), max(1, round(height * share))
        try:
            paint(noise_frames(1, *smaller))()
        except OutOfMemory:
            continue
        return f"{smaller[0]}x{smaller[1]} fit: run with --max-side {max(smaller)}, or where there is more memory"
    return "an eighth of its sides does not fit either; run where there is more memory"
