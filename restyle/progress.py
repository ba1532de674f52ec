"""How a run tells how far it is: log events with numbers, which the command line draws as a bar."""

import logging
from dataclasses import dataclass

log = logging.getLogger("restyle.progress")


@dataclass(frozen=True)
class Progress:
    """Frames done of all, of which `reused` were painted by an earlier run."""

    done: int
    total: int
    reused: int


def announce(progress: Progress) -> None:
    """Log one step forward; a handler finds the numbers in the record's `step`."""
    log.info("%d of %d frames painted", progress.done, progress.total, extra={"step": progress})


def step(name: str) -> None:
    """Log that a step begins which has no frames to count."""
    log.info("%s", name, extra={"step": name})


def often(name: str) -> None:
    """Log how a step goes on; a handler that keeps its lines shows only some of these."""
    log.info("%s", name, extra={"step": name, "often": True})
