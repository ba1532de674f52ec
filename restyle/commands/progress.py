"""The progress of a run on the terminal: a bar where there is one, plain lines otherwise."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from restyle.progress import Progress as Step
from restyle.progress import log

PLAIN_INTERVAL_S = 10.0


@contextmanager
def showing_progress() -> Iterator[None]:
    """Draw what `restyle.progress` announces, on standard error, until the context ends."""
    console = Console(stderr=True)
    handler = _Bar(console) if console.is_terminal else _Lines(console)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


class _Rate(ProgressColumn):
    """Frames a second of this run: frames that an earlier run painted do not count."""

    def render(self, task: Task) -> Text:
        painted = task.completed - task.fields["reused"]
        elapsed = task.elapsed or 0.0
        return Text(f"{painted / elapsed:.1f} frames/s" if painted and elapsed else "")


class _Bar(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[frames]}"), _Rate())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._task = self._progress.add_task("starting", total=None, frames="", reused=0)
        self._progress.start()

    def emit(self, record: logging.LogRecord) -> None:
        step: Step | None = getattr(record, "progress", None)
        if step is None:
            self._progress.update(self._task, description=record.getMessage())
            return
        frames = f"{step.done}/{step.total} frames"
        self._progress.update(
            self._task, description="painting", completed=step.done, total=step.total, frames=frames, reused=step.reused
        )

    def close(self) -> None:
        self._progress.stop()
        super().close()


class _Lines(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._said = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        step: Step | None = getattr(record, "progress", None)
        now = time.monotonic()
        if step is None:
            if getattr(record, "often", False):
                if now - self._said < PLAIN_INTERVAL_S:
                    return
                self._said = now
            self._console.print(record.getMessage(), highlight=False, soft_wrap=True)
            return
        if step.done == step.total or now - self._said >= PLAIN_INTERVAL_S:
            self._said = now
            self._console.print(f"painted {step.done} of {step.total} frames", highlight=False)
