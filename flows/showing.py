"""What one sees of a run while it goes on: artifacts on its page, lines in the dashboard, its log in the store."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import asdict, replace

from prefect import get_run_logger
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from flows.artifacts import ProgressBar, Table, quietly
from flows.roll import Roll
from restyle.board import batch_rows, batches_words, worker_rows
from restyle.event_log import EventLog, last_attempt
from restyle.layout import run_log
from restyle.plan import Plan
from restyle.progress import OURS, BatchEnded, Progress, RangeMoved
from restyle.report import Spent
from restyle.storage import Store

PROGRESS_EVERY_S = 1.0
TABLES_EVERY_S = 5.0
STOP_TIMEOUT_S = 10.0
RARER = 50
"""After an hour tables are renewed every 72 s: each renewal is kept by the server as an event."""


class Showing(logging.Handler):
    """Listens to what a run tells of itself, and shows it; there is one run at a time in a process."""

    def __init__(self, control: Store, title: str) -> None:
        super().__init__(logging.INFO)
        self.title = title
        self.run_id = flow_run.id or "no-run"
        self.log_place = control.url(run_log(self.run_id)).rpartition("/")[0]
        self._begun = time.monotonic()
        self._control = control
        self._log = EventLog(control, run_log(self.run_id))
        self._dashboard = get_run_logger()
        self._plan: Plan | None = None
        self._progress: Progress | None = None
        self._ended: dict[int, BatchEnded] = {}
        self._spent = Spent()
        self._step: tuple[str, float] | None = None
        self._roll = Roll()
        self._bar, self._batches, self._workers = ProgressBar("painting-progress"), Table("batches"), Table("workers")
        self._over = threading.Event()
        self._renewing: threading.Thread | None = None
        self._log.event("begun", title=title)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record in. What goes wrong with it is logging's to tell, as with every handler."""
        try:
            self._take(record)
        except Exception:  # noqa: BLE001  (of the store or the server: no reason to fail what logged)
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        told, noted = getattr(record, "step", None), getattr(record, "noted", None)
        if isinstance(told, Progress):
            self._progress = told
        elif isinstance(noted, BatchEnded):
            self._batch_ended(noted)
        elif isinstance(noted, RangeMoved):
            spent = getattr(self._spent, noted.deed) + noted.seconds
            self._spent = self._spent.model_copy(update={noted.deed: spent})
            span = {"first_frame": noted.span.start, "last_frame": noted.span.last}
            self._log.event(noted.deed, range=noted.span.index, seconds=round(noted.seconds, 4), **span)
        elif getattr(record, "often", False):
            return
        else:
            if told is not None:
                self._begin(record.getMessage())
            self._dashboard.log(record.levelno, "%s", record.getMessage())

    def _begin(self, step: str) -> None:
        self._end_step()
        self._step = (step, time.monotonic())
        self._log.event("step", step=step)
        self._log.write()

    def _end_step(self) -> None:
        if self._step is not None:
            name, begun = self._step
            took = self._spent.steps.get(name, 0.0) + time.monotonic() - begun
            self._spent = self._spent.model_copy(update={"steps": {**self._spent.steps, name: round(took, 3)}})
        self._step = None

    def _batch_ended(self, ended: BatchEnded) -> None:
        if ended.attempts is None and (last := last_attempt(self._control, self.run_id, ended.batch.index)):
            ended = replace(ended, attempts=last.attempt, worker=last.worker)
        self._ended[ended.batch.index] = ended
        facts = asdict(ended) | {"batch": ended.batch.index}
        self._log.event("batch", first_frame=ended.batch.start, last_frame=ended.batch.last, **facts)
        if ended.state in ("failed", "crashed"):
            self._dashboard.error("%s", ended)

    def planned(self, plan: Plan) -> None:
        """The cluster is there and painting begins: tables and the bar are drawn, and renewed from now on."""
        self._plan = plan
        self._log.event("plan", job=plan.job.job_id, frames=plan.frame_count, batches=len(plan.batches))
        self._progress = Progress(0, plan.frame_count, 0)
        self._draw()
        renewing = copy_context()  # artifacts belong to the run whose context they are made in
        self._renewing = threading.Thread(target=renewing.run, args=(self._renew,), name="showing", daemon=True)
        self._renewing.start()

    def _renew(self) -> None:
        begun = drawn = time.monotonic()
        while not self._over.wait(PROGRESS_EVERY_S):
            now = time.monotonic()
            if now - drawn >= max(TABLES_EVERY_S, (now - begun) / RARER):
                drawn = now
                self._draw()
            else:
                quietly(self._bar.show, self._progress)

    def _draw(self) -> None:
        """Bar and tables as things stand."""
        assert self._plan is not None  # else nothing draws yet
        if context := FlowRunContext.get():
            quietly(self._roll.call, context.task_runner)
        ended = dict(self._ended)
        quietly(self._bar.show, self._progress)
        rows, words = batch_rows(self._plan.batches, ended), batches_words(self._plan.batches, ended)
        quietly(self._batches.show, rows, f"{words}; job {self._plan.job.job_id}")
        workers = worker_rows(self._roll.workers.values(), ended.values())
        link = f", [Dask's dashboard]({self._roll.dashboard})" if self._roll.dashboard else ""
        quietly(self._workers.show, workers, f"{len(workers)} on the cluster{link}")

    @property
    def wall_s(self) -> float:
        """Seconds since this began."""
        return time.monotonic() - self._begun

    def spent(self) -> Spent:
        """Where the run's time went until now; ends the step that is under way."""
        self._end_step()
        return self._spent

    def end(self, error: BaseException | None) -> None:
        """Show how things stand at the end, and write the log."""
        self._over.set()
        if self._renewing is not None:
            self._renewing.join(STOP_TIMEOUT_S)
            self._draw()
        spent = self.spent()
        self._log.event("spent", steps=spent.steps, split=round(spent.split, 3), upload=round(spent.upload, 3))
        if error is None:
            self._log.event("finished", seconds=round(self.wall_s, 3))
        else:
            self._log.failed(error)
        self._log.write()


@contextmanager
def showing(control: Store, title: str) -> Iterator[Showing]:
    """Show the flow run of this process until the context ends, however it ends."""
    show = Showing(control, title)
    before = [(log.level, log.propagate) for log in OURS]
    for log in OURS:
        log.addHandler(show)
        log.setLevel(logging.INFO)
        log.propagate = False  # the run's logger says it on the console as well
    try:
        yield show
    except BaseException as error:
        show.end(error)
        raise
    else:
        show.end(None)
    finally:
        for log, (level, propagate) in zip(OURS, before, strict=True):
            log.removeHandler(show)
            log.setLevel(level)
            log.propagate = propagate
