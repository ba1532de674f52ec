"""The progress of a run on the terminal: a bar where there is one, plain lines otherwise."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from restyle.progress import OURS
from restyle.progress import Progress as Step

PLAIN_INTERVAL_S = 10.0


@contextmanager
def showing_progress(verbose: bool = False) -> Iterator[None]:
    """Show on standard error, until the context ends, how far a command is, and what restyle warns of.

    verbose: show what it merely notes as well.
    """
    console = Console(stderr=True)
    display = _Bar(console) if console.is_terminal else _Lines(console)
    display.addFilter(lambda record: verbose or hasattr(record, "step") or record.levelno >= logging.WARNING)
    for log in OURS:
        log.addHandler(display)
        log.setLevel(logging.INFO)
        log.propagate = False  # Prefect's console handler, at the root, would say it again
    try:
        yield
    finally:
        for log in OURS:
            log.removeHandler(display)
        display.end()


class _Rate(ProgressColumn):
    """Frames a second of this run: frames that an earlier run painted do not count."""

    def render(self, task: Task) -> Text:
        painted = task.completed - task.fields["reused"]
        elapsed = task.elapsed or 0.0
        return Text(f"{painted / elapsed:.1f} frames/s" if painted and elapsed else "")


class _Display(logging.Handler):
    """Tells apart what `restyle.progress` announces and whatever else is logged."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        step = getattr(record, "step", None)
        if isinstance(step, Step):
            self.painted(step)
        elif step is not None:
            self.began(record.getMessage(), getattr(record, "often", False))
        else:
            self.say(f"{record.levelname.lower()}: {record.getMessage()}")

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def painted(self, step: Step) -> None:
        """So many frames are done."""

    def began(self, text: str, often: bool) -> None:
        """A step begins, or goes on (`often`)."""

    def end(self) -> None:
        """Nothing more comes. (Not `close`: configuring logging, as Prefect does, closes every handler there is.)"""


class _Bar(_Display):
    def __init__(self, console: Console) -> None:
        super().__init__(console)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[frames]}"), _Rate())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
        self._task = self._progress.add_task("starting", total=None, frames="", reused=0)
        self._painting = False
        self._progress.start()

    def painted(self, step: Step) -> None:
        if not self._painting:
            self._painting = True
            self._progress.reset(self._task, total=step.total, description="painting")  # its clock starts here
        frames = f"{step.done}/{step.total} frames"
        self._progress.update(self._task, completed=step.done, frames=frames, reused=step.reused)

    def began(self, text: str, often: bool) -> None:  # noqa: ARG002  (a bar is redrawn anyway)
        self._progress.update(self._task, description=text)

    def end(self) -> None:
        self._progress.stop()


class _Lines(_Display):
    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._said = 0.0

    def painted(self, step: Step) -> None:
        self._thinned(f"painted {step.done} of {step.total} frames", step.done == step.total)

    def began(self, text: str, often: bool) -> None:
        self._thinned(text, not often)

    def _thinned(self, text: str, always: bool) -> None:
        if not always and time.monotonic() - self._said < PLAIN_INTERVAL_S:
            return
        self.say(text)
        if not always:
            self._said = time.monotonic()
