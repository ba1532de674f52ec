"""The batches of a run on the cluster: submitted, ended, and tried again, alone, where they lost their workers."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import BoundedSemaphore, Lock
from typing import Any, NamedTuple
from uuid import UUID

from prefect import Task, unmapped
from prefect.exceptions import CancelledRun
from prefect.futures import PrefectFuture
from prefect.states import Crashed

from flows.cluster import in_turn, worker_died
from flows.spending import Afford
from flows.sweeping import end_task_run
from restyle.domain import FrameBatch, FrameRange
from restyle.errors import BatchesFailed, RunStopped, WorkerDied, shortened
from restyle.ledger import BatchRecord
from restyle.media.options import OutputOptions
from restyle.plan import Plan
from restyle.progress import BatchEnded, Progress, announce, tell
from tasks.encoding import encode_segment
from tasks.painting import style_batch, style_batch_directly

DIED = "each worker that tried it died of it, which mostly means memory, or a driver; the worker's log may say"

log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What came of one try at a step of a batch."""

    batch: FrameBatch
    step: Task[..., Any]
    task_run_id: UUID
    came: BatchRecord | Exception | None

    @property
    def died(self) -> bool:
        """Whether it lost its workers, and its task run the chance to say so."""
        return isinstance(self.came, Exception) and worker_died(self.came)


@dataclass
class Painting:
    """The batches of one run that are submitted, and how they ended."""

    plan: Plan
    output: OutputOptions
    in_flight: int
    trusted: frozenset[int]
    afford: Afford | None = None
    records: dict[FrameBatch, BatchRecord] = field(default_factory=dict)
    failures: dict[FrameBatch, str] = field(default_factory=dict)
    done: int = 0

    def __post_init__(self) -> None:
        self._room = BoundedSemaphore(self.in_flight)
        self._lock = Lock()
        self._reused = sum(len(b) for b in self.plan.batches if b.index in self.trusted)
        self._painter: Task[..., Any] = style_batch_directly if self.plan.job.look.direct else style_batch
        self._open = 0
        self._begun: float | None = None
        self._at_work: set[FrameBatch] = set()
        self._submitted = 0
        self._died: list[tuple[FrameBatch, Task[..., Any]]] = []
        self._stopped: CancelledRun | None = None
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()

    def submit(self, span: FrameRange, uploaded: PrefectFuture[Any] | None, require_wanted: Callable[[], None]) -> None:
        """Map style-batch over a range whose frames are in the store or need not be, when there is room for it."""
        if uploaded:
            uploaded.result()
        for _ in span.batches:
            self._room.acquire()
        require_wanted()
        while not self._outcomes.empty():
            self._settle(self._outcomes.get())
        self._keep_within_budget({batch for batch in span.batches if batch.index not in self.trusted})
        common: Any = {name: unmapped(value) for name, value in self._arguments(self._painter).items()}
        before: list[Any] = [uploaded.state] if uploaded else []  # a future does not pickle; its state does
        with in_turn(self._submitted - len(self.records) - len(self.failures)):
            mapped = self._painter.map(list(span.batches), wait_for=before, **common)
        self._submitted += len(span.batches)
        for batch, future in zip(span.batches, mapped, strict=True):
            self._follow(batch, self._painter, future)
            future.add_done_callback(lambda _: self._room.release())

    def _keep_within_budget(self, missing: set[FrameBatch]) -> None:
        """Raises BudgetReached where finishing what is at work and these batches, too, would exceed the budget.

        A batch takes what those that this run painted took, by the clock and with all workers at it. Until there is
        one, no range is added to others that would give a worker more than one batch: three for each are in_flight.
        """
        if self.afford is None or not missing:
            return
        while self._at_work and not self._painted and 3 * len(self._at_work | missing) > self.in_flight:
            self._settle(self._outcomes.get())
        if self._begun is None:
            self._begun = time.monotonic()
        batch_s = (time.monotonic() - self._begun) / self._painted if self._painted else 0.0
        self.afford(batch_s * len(self._at_work | missing))
        self._at_work |= missing

    @property
    def _painted(self) -> int:
        """Batches that this run painted."""
        return sum(1 for batch in self.records if batch.index not in self.trusted)

    def wait(self) -> list[tuple[FrameBatch, Task[..., Any]]]:
        """Wait until every batch has ended; returns those that lost their workers, and in which step.

        Raises RunStopped.
        """
        while self._open:
            self._settle(self._outcomes.get())
        if self._stopped:
            raise RunStopped(str(self._stopped)) from self._stopped
        died, self._died = self._died, []
        return died

    def outcome(self) -> list[BatchRecord]:
        """The records in frame order, once every batch has ended; one that lost its workers is tried again, alone.

        Raises RunStopped where the run was cancelled, else BatchesFailed, naming each that failed.
        """
        for batch, step in self.wait():
            log.warning("batch %d: %s; trying it alone", batch.index, DIED)
            del self.failures[batch]
            self._start(batch, step)
            self.wait()
        if self.failures:
            failed = sorted(self.failures, key=lambda batch: batch.index)
            named = [f"batch {b.index} (frames {b.start}-{b.last}): {self.failures[b]}" for b in failed]
            raise BatchesFailed(
                f"{len(failed)} of {len(self.plan.batches)} batches failed, the others are painted and kept; "
                + shortened(named, "; ")
            )
        return [self.records[batch] for batch in self.plan.batches]

    def _start(self, batch: FrameBatch, step: Task[..., Any]) -> None:
        """Submit one batch by itself."""
        self._follow(batch, step, step.submit(batch, **self._arguments(step)))

    def _arguments(self, step: Task[..., Any]) -> dict[str, Any]:
        """What a step takes besides its batch."""
        encodes = {} if step is style_batch else {"output": self.output}
        return {"job_id": self.plan.job.job_id, **encodes}

    def _follow(self, batch: FrameBatch, step: Task[..., Any], future: PrefectFuture[Any]) -> None:
        self._open += 1
        future.add_done_callback(partial(self._ended, batch, step))

    def _ended(self, batch: FrameBatch, step: Task[..., Any], future: Any) -> None:
        """future: a PrefectDaskFuture, in a thread of Dask's."""
        outcome = Outcome(batch, step, future.task_run_id, _what_came(future))
        try:
            if outcome.came is not None:
                tell(_told(outcome, outcome.batch.index in self.trusted and future.state.name == "AlreadyPainted"))
            if isinstance(outcome.came, BatchRecord):
                with self._lock:
                    self.done += len(batch)
                    announce(Progress(self.done, self.plan.frame_count, self._reused))
        finally:
            self._outcomes.put(outcome)  # which the run waits for, whatever became of telling it

    def _settle(self, outcome: Outcome) -> None:
        """Take down how a batch ended."""
        self._open -= 1
        batch, came = outcome.batch, outcome.came
        self._at_work.discard(batch)
        if isinstance(came, BatchRecord):
            self.records[batch] = came
            if self._painter is style_batch:
                self._start(batch, encode_segment)
        elif outcome.died:
            self.failures[batch] = DIED
            self._died.append((batch, outcome.step))
            frames = f"frames {batch.start}-{batch.last}"
            name = f"{outcome.step.name.replace('-', ' ')} {batch.index}: {frames}"
            end_task_run(outcome.task_run_id, Crashed(message=f"{frames}: {DIED}"), outcome.step, name)
        elif isinstance(came, CancelledRun):
            self._stopped = came
        elif came is not None:
            self.failures[batch] = str(came)


def result_of(task: Task[..., Any], future: Any) -> Any:  # a PrefectDaskFuture of the task, and what that returns
    """The result of a task on the cluster. Raises WorkerDied where the workers that had it died."""
    came = _what_came(future)
    if isinstance(came, Exception):
        if not worker_died(came):
            raise came
        end_task_run(future.task_run_id, Crashed(message=DIED), task, task.name)
        raise WorkerDied(f"{task.name}: {DIED}") from came
    return came


def _what_came(future: Any) -> Any:
    """What a task on the cluster returned, or the exception; the cluster may forget it.

    It would else be done again whenever the worker dies that keeps it.
    """
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001  (whatever ended it, that is what came)
        return error
    finally:
        future.wrapped_future.release()


def _told(outcome: Outcome, reused: bool) -> BatchEnded:
    if outcome.died:
        return BatchEnded(outcome.batch, "crashed", error="its worker died")
    if isinstance(outcome.came, Exception):
        return BatchEnded(outcome.batch, "failed", error=str(outcome.came))
    assert outcome.came is not None
    entry = outcome.came
    return BatchEnded(
        outcome.batch, "reused" if reused else "painted", entry.attempts, entry.worker, entry.timings.total_s
    )
