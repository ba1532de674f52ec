"""time-frame: what a frame takes a worker, and whether to compile the network for the frames that it will paint."""

import hashlib
import logging
import platform
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from prefect import task
from pydantic import ValidationError

from models.compiling import worth_trying
from models.staging import Frames
from restyle.batches import Painter
from restyle.domain import Frozen, NumericPath
from restyle.job import Look, StyleRef
from restyle.settings import Settings
from tasks.fitting import noise_frames, within_memory
from tasks.painters import one_at_a_time, painter
from tasks.retrying import RETRYING

LONG_S = 1.0
"""A frame, or a mini-batch of them, that nobody should wait for twice."""
COMPILED = ("style", "mix")
"""Kinds of styles whose model is ours."""
TURNS = 5
AGAIN_S = 5.0
"""To compile what was compiled before: three seconds, mostly of imports."""
LEAST_SAVED = 0.03
"""Of a frame's time; less is not told from chance."""

log = logging.getLogger(__name__)


class Timed(Frozen):
    """How a worker will paint, and what a frame takes it, in seconds."""

    numeric: NumericPath
    frame_s: float
    reason: str = ""


class Trial(Frozen):
    """What a machine found when it compiled a style for a size of frames: seconds a frame, and of compiling."""

    eager_s: float
    compiled_s: float
    compiling_s: float

    def timed(self, path: NumericPath, frames: int) -> Timed:
        """The way to paint so many frames."""
        saved_s = self.eager_s - self.compiled_s
        words = f"{self.compiled_s:.3g} s a frame instead of {self.eager_s:.3g}, after {self.compiling_s:.0f} s"
        if saved_s < LEAST_SAVED * self.eager_s or saved_s * frames < AGAIN_S:
            return Timed(numeric=path, frame_s=self.eager_s, reason=f"not compiled, which gives {words}")
        numeric = path.model_copy(update={"compiled": True})
        return Timed(numeric=numeric, frame_s=self.compiled_s, reason=f"compiled: {words}")


@task(name="time-frame", task_run_name="time-frame", **RETRYING)
def time_frame(style: StyleRef, numeric: NumericPath, look: Look, width: int, height: int, frames: int) -> Timed:
    """How a worker best paints so many frames of this size, and what each takes it; it has the painter ready.

    Where there are enough of them, the network is compiled and timed as well. What came of it is kept, and not tried
    again on this machine.
    """
    paint = one_at_a_time(painter(style, numeric, look))

    def timed(mini_batch: int) -> float:
        noise, took_s = noise_frames(mini_batch, width, height), 0.0
        for _ in range(2):  # the first warms up; where it takes long, that is a small part of it
            if took_s < LONG_S:
                took_s = _seconds(paint, noise)
        return took_s / mini_batch

    frame_s = within_memory(numeric.mini_batch, timed, paint, (width, height))
    file = _trial_file(style, numeric, look, width, height)
    trial, noise = _read(file), noise_frames(numeric.mini_batch, width, height)
    if trial is None and style.kind in COMPILED and worth_trying(frames * frame_s, numeric):
        log.warning("compiling the network, to see whether it paints faster: up to a minute, once on this machine")
        if compiled := _compiled(style, numeric, look, noise):
            trial = compiled.trial(paint, noise)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(trial.model_dump_json())
    elif trial and trial.timed(numeric, frames).numeric.compiled and not _compiled(style, numeric, look, noise):
        trial = None  # it could, and cannot any more
    return trial.timed(numeric, frames) if trial else Timed(numeric=numeric, frame_s=frame_s)


class Compiled(NamedTuple):
    """A painter that is compiled, and the seconds which that took."""

    paint: Painter
    compiling_s: float

    def trial(self, eager: Painter, noise: Frames) -> Trial:
        """Both painters in turns."""
        turns = [(_seconds(eager, noise), _seconds(self.paint, noise)) for _ in range(TURNS)]
        eager_s, compiled_s = (median(taken) / len(noise) for taken in zip(*turns, strict=True))
        return Trial(eager_s=eager_s, compiled_s=compiled_s, compiling_s=self.compiling_s)


def _compiled(style: StyleRef, numeric: NumericPath, look: Look, noise: Frames) -> Compiled | None:
    """None where this worker cannot compile."""
    try:
        paint = one_at_a_time(painter(style, numeric.model_copy(update={"compiled": True}), look))
        compiling_s = _seconds(paint, noise)
        paint(noise)()  # a GPU's graphs are taken the second time
    except Exception as error:  # noqa: BLE001  (whatever a compiler, or a GPU, does not stand)
        log.warning("not compiled: %s", error)
        return None
    return Compiled(paint, compiling_s)


def _seconds(paint: Painter, frames: Frames) -> float:
    begun = time.perf_counter()
    paint(frames)()
    return time.perf_counter() - begun


def _trial_file(style: StyleRef, numeric: NumericPath, look: Look, width: int, height: int) -> Path:
    """Named by all that a trial's outcome depends on."""
    what = (platform.node(), torch.__version__, style.sha256, numeric.model_dump_json(), look.model_dump_json())
    name = hashlib.sha256("\n".join((*what, f"{width}x{height}")).encode()).hexdigest()[:16]
    return Settings().home / "compiled" / f"{name}.json"


def _read(file: Path) -> Trial | None:
    try:
        return Trial.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
