"""How a run tells how far it is: log events with numbers, for the terminal's bar, the dashboard and the run's log."""

import logging
from dataclasses import dataclass
from typing import Literal

from restyle.domain import FrameBatch, FrameRange

OURS = [logging.getLogger(name) for name in ("restyle", "flows", "tasks", "models")]
"""Whoever listens to a run listens to these."""

log = logging.getLogger("restyle.progress")


@dataclass(frozen=True)
class Progress:
    """Frames done of all, of which `reused` were painted by an earlier run."""

    done: int
    total: int
    reused: int


@dataclass(frozen=True)
class BatchEnded:
    """A batch that this run will not try again; attempts, worker and seconds are those of its record, if it has one."""

    batch: FrameBatch
    state: Literal["painted", "reused", "failed", "crashed"]
    attempts: int | None = None
    worker: str = ""
    seconds: float | None = None
    error: str = ""

    def __str__(self) -> str:
        said = f"batch {self.batch.index}, frames {self.batch.start}-{self.batch.last}: {self.state}"
        if self.seconds is not None:
            said += f" in {self.seconds:.2f} s on {self.worker}, attempt {self.attempts}"
        return f"{said}; {self.error}" if self.error else said


@dataclass(frozen=True)
class RangeMoved:
    """A range of frames that was split into images, or uploaded."""

    deed: Literal["split", "upload"]
    span: FrameRange
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.deed} range {self.span.index}, frames {self.span.start}-{self.span.last}, in {self.seconds:.2f} s"
        )


def announce(progress: Progress) -> None:
    """Log one step forward; a handler finds the numbers in the record's `step`."""
    log.info("%d of %d frames painted", progress.done, progress.total, extra={"step": progress})


def step(name: str) -> None:
    """Log that a step begins which has no frames to count."""
    log.info("%s", name, extra={"step": name})


def often(name: str) -> None:
    """Log how a step goes on; a handler that keeps its lines shows only some of these."""
    log.info("%s", name, extra={"step": name, "often": True})


def tell(noted: BatchEnded | RangeMoved) -> None:
    """Log what happened to some frames; a handler finds the numbers in the record's `noted`."""
    log.info("%s", noted, extra={"noted": noted})
