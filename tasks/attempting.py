"""One attempt at a batch: looked up first, logged, watched, and ended as what came of it."""

from collections.abc import Callable
from typing import cast

from prefect import get_run_logger
from prefect.runtime import flow_run, task_run

from restyle.batches import FrameTimes
from restyle.domain import FrameBatch
from restyle.errors import RunStopped
from restyle.event_log import batch_log, spoken
from restyle.ledger import BatchRecord
from restyle.storage import Store
from tasks.retrying import already, stopped
from tasks.watching import watching
from tasks.workers import worker_name

Paint = Callable[[int, str, Callable[[FrameTimes], None], Callable[[], None]], BatchRecord]
"""Takes the attempt's number, the worker's name, and what paint_batch calls `seen` and `require_wanted`."""


def attempt(control: Store, batch: FrameBatch, done: BatchRecord | None, paint: Paint) -> BatchRecord:
    """Paint a batch that is not done yet; ends AlreadyPainted, or Cancelled where the run is stopped meanwhile."""
    attempts, worker = task_run.run_count or 1, worker_name()
    with batch_log(control, flow_run.id, batch, attempts, worker) as log:
        if done is not None:
            log.event("kept", painted_by=done.worker)
            return already("AlreadyPainted", f"frames {batch.start}-{batch.last} were painted by {done.worker}", done)
        try:
            with watching() as require_wanted:
                entry = paint(attempts, worker, log.frame, require_wanted)
        except RunStopped as reason:
            log.event("stopped", reason=str(reason))
            return cast(BatchRecord, stopped(reason))
        log.painted(entry)
    get_run_logger().info("%s", spoken(entry))
    return entry
