"""A run that paints a video: it conducts the steps and knows nothing of pixels."""

import logging
from contextlib import ExitStack
from math import ceil
from pathlib import Path
from typing import Any

from prefect.task_runners import ThreadPoolTaskRunner

from flows.conducting import paint_ranges
from flows.reporting import write_report
from flows.request import Request
from flows.showing import showing
from flows.spending import Afford, affording, budget_for
from flows.submitting import result_of
from flows.sweeping import attending
from restyle.cut import UNMEASURED, Cut, choose_cut
from restyle.domain import NumericPath, VideoInfo
from restyle.encoding import Segments
from restyle.errors import SourceChanged
from restyle.images import coder_name
from restyle.job import Job
from restyle.layout import frames, segments, styled
from restyle.ledger import BatchRecord, Ledger
from restyle.media.decode import FrameDecoder
from restyle.media.geometry import painted_size
from restyle.media.options import encoding_id
from restyle.plan import Plan, differences, fix_plan, written_plan
from restyle.presence import at_job
from restyle.progress import step
from restyle.reassembly import drop, finished_output
from restyle.report import Report
from restyle.room import fetch, require_room_for_frames
from restyle.settings import Settings
from restyle.spool import spool_folder
from tasks.encoding import try_encoder
from tasks.foretelling import time_steps
from tasks.inputs import upload_inputs
from tasks.lessons import TRAINED_ENGINES, TrainingOrder, is_painting
from tasks.painting import survey_worker, try_model
from tasks.probing import probe
from tasks.reassembling import reassemble
from tasks.rehearsing import rehearse
from tasks.sound import extract_audio
from tasks.stores import Stores, open_stores
from tasks.styles import Chosen, choose, of_checkpoint, resolve_named
from tasks.timing import Timed, time_frame
from tasks.training import train_style

WORTH_TIMING = 1000
"""Frames a worker; before so many a frame is timed, and compiling thought of, whatever batch size is asked for."""

log = logging.getLogger(__name__)


def stylize(request: Request) -> Report:
    """Paint a video and return the report; the output, the report and the contact sheet are in the data store.

    Runs of the same job share everything: what an earlier run painted is not painted again.
    """
    stores, budget = open_stores(), budget_for(request.budget)
    title, home = request.title, Settings().home
    with (
        attending(),
        showing(stores.control, title) as show,
        spool_folder(home / "spool") as folder,
        ExitStack() as held,
    ):
        step("uploading inputs")
        stamp = _stamp(request.local)
        chosen = _choose(request)
        video = upload_inputs(request.local, request.key, chosen, return_state=True).result()
        job = Job(video=video, style=chosen.ref, look=request.look)
        is_last = held.enter_context(at_job(home, job.job_id))
        source = request.local or fetch(stores.data, video, folder)
        plan = written_plan(stores.control, job.job_id)
        surveyed = None if _is_painted(request, stores, job) else survey_worker.submit(request.threads, plan)
        step("looking at the video")
        info = probe(job, source, return_state=True).result()
        beside: ThreadPoolTaskRunner[Any] = held.enter_context(ThreadPoolTaskRunner(max_workers=2))
        size = painted_size(info, job.look.max_side)
        mux = beside.submit(rehearse, {"source": source, "info": info, "options": request.output, "size": size})
        sound = beside.submit(
            extract_audio, {"job": job, "source": source, "info": info, "target": folder / "audio.mka"}
        )
        if surveyed:
            step("waiting for workers")
            plan = _fix_plan(request, stores, job, info, result_of(survey_worker, surveyed), plan)
            mux.result(), sound.result()  # where either fails, nothing is painted
            step("painting")
            show.planned(plan)
            afford = affording(budget, request, plan.numeric, lambda: show.wall_s)
            records, reused = _paint(request, stores, plan, info, source, folder, afford)
            if _stamp(request.local) != stamp:
                Ledger(stores.control, stores.data, plan).strike(records)
                raise SourceChanged(f"{request.local}: changed while it was painted; run the same command again")
        else:
            assert plan is not None  # what is painted was planned
            records = Ledger(stores.control, stores.data, plan).recorded()
            reused = frozenset(entry.batch.index for entry in records)
        step("joining frames and sound")
        made = reassemble(
            plan, records, info, mux.result(), request.output, source, sound.result(), folder, return_state=True
        ).result()
        step("writing the report")
        report = write_report(show, stores.data, plan, info, made, records, reused)
        if is_last():  # another run of the job would miss them
            images = () if request.keep_frames else (frames(job.job_id), styled(job.job_id))
            drop(stores.data, segments(job.job_id, encoding_id(request.output)), *images)
    return report


def _choose(request: Request) -> Chosen:
    """What the run paints with; of a painting a style is made, unless the control store has it."""
    painting = request.painting or (request.style if is_painting(request.style) else None)
    if painting is not None and request.engine in TRAINED_ENGINES:
        order = TrainingOrder(painting=painting, minutes=request.train_minutes)
        return of_checkpoint(train_style(order, return_state=True).result())
    if request.names_only:
        return resolve_named(request.style or "", request.engine)
    return choose(request.style or painting, request.model, request.engine)


def _stamp(local: Path | None) -> tuple[int, int, int] | None:
    """What changes when a local file does; None for a file that is gone, or for a video of the store."""
    if local is None or not local.exists():
        return None
    status = local.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_painted(request: Request, stores: Stores, job: Job) -> bool:
    """Whether the wished output is made, and the wished frames are there."""
    made = finished_output(stores.data, stores.control, job.job_id, request.output)
    if made is None or not request.keep_frames:
        return made is not None
    prefixes = (frames(job.job_id), styled(job.job_id))
    return all(sum(1 for _ in stores.data.list(prefix)) == made.frames for prefix in prefixes)


def _fix_plan(
    request: Request, stores: Stores, job: Job, info: VideoInfo, numeric: NumericPath, begun: Plan | None
) -> Plan:
    """The plan that counts: that of a job that was begun before, else one that suits this run."""
    width, height = painted_size(info, job.look.max_side)
    if request.model:
        result_of(try_model, try_model.submit(job.style, numeric, job.look, width, height))
    if request.output.on_gpu:
        result_of(try_encoder, try_encoder.submit(info, request.output, width, height))
    if begun:
        timed = Timed(numeric=numeric, frame_s=0.0, reason=begun.numeric_reason)
        cut = Cut(batch_size=request.batch_size or begun.batch_size, reason=begun.batch_reason)
    else:
        timed = _timed(request, job, info.frame_count, numeric, width, height)
        cut = _cut(request, info.frame_count, timed)
    wished = Plan(
        job=job,
        frame_count=info.frame_count,
        width=width,
        height=height,
        batch_size=cut.batch_size,
        batch_reason=cut.reason,
        numeric=timed.numeric,
        numeric_reason=timed.reason,
        image_coder=coder_name(job.look.image),
    )
    fixed = fix_plan(stores.control, wished)
    for difference in differences(wished, fixed):
        log.warning("%s", difference)
    return fixed


def _timed(request: Request, job: Job, frame_count: int, numeric: NumericPath, width: int, height: int) -> Timed:
    """How the workers will paint, and what a frame takes them; 0 where that is not worth to be found out."""
    share = ceil(frame_count / request.workers)
    if job.style.kind == "gatys" or (request.batch_size and share < WORTH_TIMING):
        return Timed(numeric=numeric, frame_s=0.0)
    timed: Timed = result_of(time_frame, time_frame.submit(job.style, numeric, job.look, width, height, share))
    return timed


def _cut(request: Request, frame_count: int, timed: Timed) -> Cut:
    """The batch size that is asked for, or one that fits what a worker takes for a frame."""
    if request.batch_size:
        return Cut(batch_size=request.batch_size, reason="asked for")
    if not timed.frame_s:
        return Cut(batch_size=UNMEASURED, reason="not measured: every frame is optimised")
    return choose_cut(frame_count, timed.frame_s, request.workers)


def _trusted(ledger: Ledger, segments: Segments, plan: Plan) -> frozenset[int]:
    """Indices of batches that need no painting: their images, or segments that were painted directly, are there."""
    recorded = ledger.trusted(ledger.stored_sizes())
    if not plan.job.look.direct:
        return frozenset(recorded)
    return frozenset(index for index, entry in recorded.items() if segments.find(entry))


def _paint(
    request: Request, stores: Stores, plan: Plan, info: VideoInfo, source: Path, folder: Path, afford: Afford | None
) -> tuple[list[BatchRecord], frozenset[int]]:
    """The records of all batches, and which of them an earlier run had painted."""
    ledger = Ledger(stores.control, stores.data, plan)
    trusted = _trusted(ledger, Segments(stores.control, stores.data, plan, request.output), plan)
    missing = tuple(batch for batch in plan.batches if batch.index not in trusted)
    require_room_for_frames(stores.data, folder, plan, sum(map(len, missing)))
    if plan.job.style.kind == "gatys" and missing:
        log.warning("%s", time_steps.submit(plan, missing).result())
    with FrameDecoder(source, info, plan.job.look.max_side) as decoder:
        records = paint_ranges(plan, request.output, decoder, folder, trusted, request.in_flight, afford)
    return records, trusted
