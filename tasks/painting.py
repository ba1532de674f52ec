"""style-batch: the mapped task that paints, on a worker of the cluster; and what is asked of a worker before."""

from collections.abc import Callable

from prefect import task

from models.runtime import choose_numeric_path, require_path
from restyle.batches import FrameTimes, paint_batch
from restyle.direct import paint_directly
from restyle.domain import FrameBatch, NumericPath
from restyle.encoding import Segments
from restyle.errors import BadModel, OutOfMemory, PlanMismatch
from restyle.images import coder_name
from restyle.job import Look, StyleRef
from restyle.ledger import BatchRecord, Ledger
from restyle.media.options import OutputOptions
from restyle.plan import Plan, read_plan
from restyle.settings import Settings
from restyle.spool import spool_folder
from tasks.attempting import attempt
from tasks.fitting import fitting, noise_frames
from tasks.painters import painter
from tasks.retrying import RETRYING
from tasks.stores import open_stores
from tasks.videos import decoder_of, video_info


@task(name="survey-worker", task_run_name="survey-worker", **RETRYING)
def survey_worker(threads: int | None, plan: Plan | None) -> NumericPath:
    """The numeric path that a worker of the cluster would choose, or that of the job's plan, where there is one.

    Raises PlanMismatch where the worker cannot paint as the plan says, bit for bit.
    """
    if plan is None:
        return choose_numeric_path(threads)
    require_path(plan.numeric)
    coder = coder_name(plan.job.look.image)
    if coder != plan.image_coder:
        raise PlanMismatch(f"the job was begun with {plan.image_coder} and here is {coder}; install that version")
    return plan.numeric


@task(name="try-model", task_run_name="try-model", **RETRYING)
def try_model(style: StyleRef, numeric: NumericPath, look: Look, width: int, height: int) -> None:
    """Paint noise of the frames' size with a user's own model, on a worker. Raises BadModel for whatever it does wrong.

    One frame more than a mini-batch, since the last mini-batch of a batch may be smaller.
    """
    paint = painter(style, numeric, look)
    try:
        paint(noise_frames(numeric.mini_batch + 1, width, height))
    except (BadModel, OutOfMemory):
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadModel(f"--model {style.name}: fails on frames of {width}x{height} pixels ({said}); mend it") from error


@task(name="style-batch", task_run_name="style batch {batch.index}: frames {batch.start}-{batch.last}", **RETRYING)
def style_batch(batch: FrameBatch, job_id: str) -> BatchRecord:
    """Paint one batch, from images to images, unless the ledger has it."""
    data, control = open_stores()
    plan = read_plan(control, job_id)
    ledger = Ledger(control, data, plan)

    def paint(
        attempts: int, worker: str, seen: Callable[[FrameTimes], None], require_wanted: Callable[[], None]
    ) -> BatchRecord:
        return fitting(
            plan,
            lambda fit, painted: paint_batch(
                data, ledger, fit, batch, painted,
                attempts=attempts, worker=worker, seen=seen, require_wanted=require_wanted,
            ),
        )  # fmt: skip

    return attempt(control, batch, ledger.find(batch), paint)


@task(name="style-batch", task_run_name="style batch {batch.index}: frames {batch.start}-{batch.last}", **RETRYING)
def style_batch_directly(batch: FrameBatch, job_id: str, output: OutputOptions) -> BatchRecord:
    """Paint one batch, from the source's bytes to a segment of the output, unless that is there."""
    data, control = open_stores()
    plan = read_plan(control, job_id)
    ledger, segments = Ledger(control, data, plan), Segments(control, data, plan, output)

    def paint(
        attempts: int, worker: str, seen: Callable[[FrameTimes], None], require_wanted: Callable[[], None]
    ) -> BatchRecord:
        with decoder_of(plan) as decoder, spool_folder(Settings().home / "spool") as folder:
            return fitting(
                plan,
                lambda fit, painted: paint_directly(
                    data, ledger, segments, fit, video_info(job_id), output, batch, decoder, painted, folder,
                    attempts=attempts, worker=worker, seen=seen, require_wanted=require_wanted,
                ),
            )  # fmt: skip

    done = ledger.find(batch)
    return attempt(control, batch, done if done and segments.find(done) else None, paint)
