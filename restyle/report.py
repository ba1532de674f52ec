"""The report of a run: what went in, what came out, what each batch took. The shape of report.json is a contract."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from importlib.metadata import version

from pydantic import Field

from restyle.domain import Frozen, NumericPath, VideoInfo
from restyle.job import Look, StyleRef
from restyle.ledger import BatchRecord
from restyle.pairs import Restlessness
from restyle.plan import Plan
from restyle.reassembly import OutputRecord
from restyle.storage import Store

VERSIONS_OF = ("restyle", "prefect", "torch", "dask", "av", "pillow", "imageio-ffmpeg")


class VideoSection(Frozen):
    """The source as the probe found it."""

    name: str
    key: str
    width: int
    height: int
    painted_width: int
    painted_height: int
    average_rate: Fraction
    codec: str
    container: str
    damaged: int
    notes: tuple[str, ...]
    bytes: int


class BatchSection(Frozen):
    """One batch: frames [start, stop); seconds is the time of the attempt that painted it."""

    index: int
    start: int
    stop: int
    seconds: float
    attempts: int
    worker: str
    status: str
    finished: datetime
    load_s: float
    model_s: float
    store_s: float

    @property
    def begun(self) -> datetime:
        """When that attempt began, by the worker's clock."""
        return self.finished - timedelta(seconds=self.seconds)


class Spent(Frozen):
    """Where a run's time went, in seconds."""

    steps: dict[str, float] = Field(default={}, description="of the flow, one after another")
    split: float = Field(default=0.0, description="decoding the source into images; this and the next beside painting")
    upload: float = Field(default=0.0, description="of those images to the store")


class OutputSection(Frozen):
    """The video made; path is where a person finds it, without any secret."""

    path: str
    key: str
    bytes: int
    codec: str


class Report(Frozen):
    """What report.json holds."""

    job_id: str
    video: VideoSection
    style: StyleRef
    frames_in: int
    frames_out: int
    duration_in_s: float
    duration_out_s: float
    batches: tuple[BatchSection, ...]
    reused_batches: int
    wall_s: float
    model_s: float
    fps: float
    output: OutputSection
    versions: dict[str, str]
    run_id: str
    finished: datetime
    look: Look
    numeric: NumericPath
    numeric_reason: str
    batch_size: int
    batch_reason: str
    encode_s: float
    spent: Spent
    restlessness: Restlessness | None


def make_report(
    data: Store,
    plan: Plan,
    info: VideoInfo,
    made: OutputRecord,
    records: Sequence[BatchRecord],
    reused: frozenset[int],
    wall_s: float,
    run_id: str,
    spent: Spent,
    restlessness: Restlessness | None,
) -> Report:
    """The report of a run that ended well; `reused` are the batches that an earlier run had painted."""
    painted = [entry for entry in records if entry.batch.index not in reused]
    return Report(
        job_id=plan.job.job_id,
        video=VideoSection(
            name=plan.job.video.name,
            key=plan.job.video.key,
            width=info.width,
            height=info.height,
            painted_width=plan.width,
            painted_height=plan.height,
            average_rate=info.average_rate,
            codec=info.codec,
            container=info.container,
            damaged=info.damaged,
            notes=made.notes,
            bytes=plan.job.video.size_bytes,
        ),
        style=plan.job.style,
        frames_in=info.frame_count,
        frames_out=made.frames,
        duration_in_s=info.duration_s,
        duration_out_s=made.duration_s,
        batches=tuple(_section(entry, entry.batch.index in reused) for entry in records),
        reused_batches=len(reused),
        wall_s=wall_s,
        model_s=sum(entry.timings.model_s for entry in painted),
        fps=sum(len(entry.batch) for entry in painted) / wall_s,
        output=OutputSection(path=data.url(made.key), key=made.key, bytes=made.size_bytes, codec=made.codec),
        versions={name: version(name) for name in VERSIONS_OF},
        run_id=run_id,
        finished=datetime.now(UTC),
        look=plan.job.look,
        numeric=plan.numeric,
        numeric_reason=plan.numeric_reason,
        batch_size=plan.batch_size,
        batch_reason=plan.batch_reason,
        encode_s=round(made.encode_s, 3),
        spent=spent,
        restlessness=restlessness,
    )


def _section(entry: BatchRecord, reused: bool) -> BatchSection:
    return BatchSection(
        index=entry.batch.index,
        start=entry.batch.start,
        stop=entry.batch.stop,
        seconds=round(entry.timings.total_s, 3),
        attempts=entry.attempts,
        worker=entry.worker,
        status="reused" if reused else "painted",
        finished=entry.finished,
        load_s=round(entry.timings.load_s, 3),
        model_s=round(entry.timings.model_s, 3),
        store_s=round(entry.timings.store_s, 3),
    )
