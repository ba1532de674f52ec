"""The flow that paints a video: it conducts the steps and knows nothing of pixels."""

import logging
import time
from pathlib import Path

from prefect import flow
from pydantic import Field, model_validator

from flows.conducting import paint_ranges
from restyle.contact_sheet import contact_sheet
from restyle.domain import Frozen, NumericPath, VideoInfo
from restyle.errors import BlobNotFound, FrameCorrupt, SourceChanged
from restyle.images import coder_name
from restyle.job import Job, Look
from restyle.layout import contact_sheet_image, frames, report_file, styled
from restyle.ledger import BatchRecord, Ledger
from restyle.media.decode import FrameDecoder
from restyle.media.geometry import painted_size
from restyle.media.options import OutputOptions
from restyle.mix import file_words
from restyle.plan import Plan, differences, fix_plan, written_plan
from restyle.progress import step
from restyle.reassembly import drop_frames, finished_output
from restyle.report import Report, make_report
from restyle.room import fetch, require_room_for_frames
from restyle.settings import Settings
from restyle.spool import spool_folder
from tasks.inputs import upload_inputs
from tasks.lessons import TrainingOrder, is_painting
from tasks.painting import survey_worker, try_model
from tasks.probing import probe
from tasks.reassembling import reassemble
from tasks.rehearsing import rehearse
from tasks.sound import extract_audio
from tasks.stores import Stores, open_stores
from tasks.styles import Chosen, choose, of_checkpoint
from tasks.training import train_style

log = logging.getLogger(__name__)


class Request(Frozen):
    """What a run is asked for."""

    video: str = Field(description="a local file, or data:KEY for a blob of the data store")
    style: str | None = Field(default=None, description="the name of a style, a checkpoint, a painting, or a mix")
    train_minutes: float | None = Field(default=None, gt=0, description="how long to train, where style is a painting")
    model: str | None = Field(default=None, description="a user's own model in place of a style: runs as code")
    look: Look = Look()
    batch_size: int = Field(default=24, ge=1, description="frames per batch, the unit of retry")
    output: OutputOptions = OutputOptions()
    keep_frames: bool = False
    threads: int | None = Field(default=None, description="torch threads per worker; None leaves it to the worker")
    in_flight: int = Field(default=4, ge=1, description="batches submitted to the cluster and not ended")

    @model_validator(mode="after")
    def _one_painter(self) -> "Request":
        if (self.style is None) == (self.model is None):
            raise ValueError("exactly one of style and model is needed")
        return self

    @property
    def key(self) -> str | None:
        """The data-store key, where the video is a blob."""
        return self.video.removeprefix("data:") if self.video.startswith("data:") else None

    @property
    def local(self) -> Path | None:
        """The local file, where the video is one."""
        return None if self.key else Path(self.video)

    @property
    def title(self) -> str:
        """What a person calls this run."""
        return f"{Path(self.video).name} in {file_words(self.style or self.model or '')}"


@flow(name="stylize-video", flow_run_name="{request.title}", persist_result=False)
def stylize_video(request: Request) -> Report:
    """Paint a video and return the report; the output, report.json and the contact sheet are in the data store.

    Runs of the same job share everything: what an earlier run painted is not painted again.
    """
    started = time.monotonic()
    stores = open_stores()
    with spool_folder(Settings().home / "spool") as folder:
        step("uploading inputs")
        stamp = _stamp(request.local)
        chosen = _choose(request)
        video = upload_inputs(request.local, request.key, chosen, return_state=True).result()
        job = Job(video=video, style=chosen.ref, look=request.look)
        source = request.local or fetch(stores.data, video, folder)
        plan = written_plan(stores.control, job.job_id)
        surveyed = None if _is_painted(request, stores, job) else survey_worker.submit(request.threads, plan)
        step("looking at the video")
        info = probe(job, source, return_state=True).result()
        mux = rehearse(source, info, request.output, painted_size(info, job.look.max_side))
        sound = extract_audio(job, source, info, folder / "audio.mka", return_state=True).result()
        if surveyed:
            plan = _fix_plan(request, stores, job, info, surveyed.result())
            records, reused = _paint(request, stores, plan, info, source, folder)
            if _stamp(request.local) != stamp:
                Ledger(stores.control, stores.data, plan).strike(records)
                raise SourceChanged(f"{request.local}: changed while it was painted; run the same command again")
        else:
            assert plan is not None  # what is painted was planned
            records = Ledger(stores.control, stores.data, plan).recorded()
            reused = frozenset(entry.batch.index for entry in records)
        step("joining frames and sound")
        made = reassemble(plan, info, mux, request.output, source, sound, folder, return_state=True).result()
        if surveyed:
            _show(stores, plan)
        report = make_report(stores.data, plan, info, made, records, reused, time.monotonic() - started)
        stores.data.write(report_file(job.job_id), report.model_dump_json(indent=2).encode())
        if not request.keep_frames:
            drop_frames(stores.data, frames(job.job_id), styled(job.job_id))
    return report


def _choose(request: Request) -> Chosen:
    """What the run paints with; of a painting a style is made, unless the control store has it."""
    if request.style is None or not is_painting(request.style):
        return choose(request.style, request.model)
    order = TrainingOrder(painting=request.style, minutes=request.train_minutes)
    return of_checkpoint(train_style(order, return_state=True).result())


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


def _fix_plan(request: Request, stores: Stores, job: Job, info: VideoInfo, numeric: NumericPath) -> Plan:
    width, height = painted_size(info, job.look.max_side)
    if request.model:
        try_model.submit(job.style, numeric, job.look, width, height).result()
    wished = Plan(
        job=job,
        frame_count=info.frame_count,
        width=width,
        height=height,
        batch_size=request.batch_size,
        numeric=numeric,
        image_coder=coder_name(job.look.frames),
    )
    fixed = fix_plan(stores.control, wished)
    for difference in differences(wished, fixed):
        log.warning("%s", difference)
    return fixed


def _paint(
    request: Request, stores: Stores, plan: Plan, info: VideoInfo, source: Path, folder: Path
) -> tuple[list[BatchRecord], frozenset[int]]:
    """The records of all batches, and which of them an earlier run had painted."""
    ledger = Ledger(stores.control, stores.data, plan)
    trusted = frozenset(ledger.trusted(ledger.stored_sizes()))
    missing = sum(len(batch) for batch in plan.batches if batch.index not in trusted)
    require_room_for_frames(stores.data, folder, plan, missing)
    with FrameDecoder(source, info, plan.job.look.max_side) as decoder:
        records = paint_ranges(plan, decoder, folder, trusted, request.in_flight)
    return records, trusted


def _show(stores: Stores, plan: Plan) -> None:
    """Write the contact sheet; a frame of it that is gone by now is no reason to fail."""
    try:
        sheet = contact_sheet(stores.data, plan)
    except (BlobNotFound, FrameCorrupt) as error:
        log.warning("no contact sheet: %s", error)
        return
    stores.data.write(contact_sheet_image(plan.job.job_id), sheet)
