"""style-batch: the mapped task that paints, on a worker of the cluster; and what is asked of a worker before."""

from typing import cast

import numpy as np
from prefect import get_run_logger, task
from prefect.runtime import flow_run, task_run

from models.runtime import choose_numeric_path, require_path
from restyle.batches import paint_batch
from restyle.domain import FrameBatch, NumericPath
from restyle.errors import BadModel, PlanMismatch, RunStopped
from restyle.event_log import batch_log, spoken
from restyle.images import coder_name
from restyle.job import Look, StyleRef
from restyle.ledger import BatchRecord, Ledger
from restyle.plan import Plan, read_plan
from tasks.painters import one_at_a_time, painter
from tasks.retrying import RETRYING, already, stopped
from tasks.stores import open_stores
from tasks.watching import watching
from tasks.workers import worker_name


@task(name="survey-worker", task_run_name="survey-worker", **RETRYING)
def survey_worker(threads: int | None, plan: Plan | None) -> NumericPath:
    """The numeric path that a worker of the cluster would choose, or that of the job's plan, where there is one.

    Raises PlanMismatch where the worker cannot paint as the plan says, bit for bit.
    """
    if plan is None:
        return choose_numeric_path(threads)
    require_path(plan.numeric)
    coder = coder_name(plan.job.look.frames)
    if coder != plan.image_coder:
        raise PlanMismatch(f"the job was begun with {plan.image_coder} and here is {coder}; install that version")
    return plan.numeric


@task(name="try-model", task_run_name="try-model", **RETRYING)
def try_model(style: StyleRef, numeric: NumericPath, look: Look, width: int, height: int) -> None:
    """Paint noise of the frames' size with a user's own model, on a worker. Raises BadModel for whatever it does wrong.

    One frame more than a mini-batch, since the last mini-batch of a batch may be smaller.
    """
    noise = np.random.default_rng(0).integers(0, 256, (numeric.mini_batch + 1, height, width, 3), dtype=np.uint8)
    paint = painter(style, numeric, look)
    try:
        paint(noise)
    except BadModel:
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadModel(f"--model {style.name}: fails on frames of {width}x{height} pixels ({said}); mend it") from error


@task(name="style-batch", task_run_name="style batch {batch.index}: frames {batch.start}-{batch.last}", **RETRYING)
def style_batch(batch: FrameBatch, job_id: str) -> BatchRecord:
    """Paint one batch unless the ledger has it; ends Cancelled where the run is stopped meanwhile."""
    stores = open_stores()
    plan = read_plan(stores.control, job_id)
    ledger = Ledger(stores.control, stores.data, plan)
    attempts, worker = task_run.run_count or 1, worker_name()
    with batch_log(stores.control, flow_run.id, batch, attempts, worker) as log:
        done = ledger.find(batch)
        if done is not None:
            log.event("kept", painted_by=done.worker)
            return already("AlreadyPainted", f"frames {batch.start}-{batch.last} were painted by {done.worker}", done)
        paint = one_at_a_time(painter(plan.job.style, plan.numeric, plan.job.look))
        try:
            with watching() as require_wanted:
                entry = paint_batch(
                    stores.data,
                    ledger,
                    plan,
                    batch,
                    paint,
                    attempts=attempts,
                    worker=worker,
                    seen=log.frame,
                    require_wanted=require_wanted,
                )
        except RunStopped as reason:
            log.event("stopped", reason=str(reason))
            return cast(BatchRecord, stopped(reason))
        log.painted(entry)
    get_run_logger().info("%s", spoken(entry))
    return entry
