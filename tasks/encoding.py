"""encode-segment: the mapped task that makes a part of the output of each painted batch, on a worker; try-encoder."""

from prefect import task

from restyle.domain import FrameBatch, VideoInfo
from restyle.encoding import Segments
from restyle.errors import FrameCorrupt
from restyle.ledger import Ledger
from restyle.media.mux import rehearse_encoder
from restyle.media.options import OutputOptions
from restyle.plan import read_plan
from restyle.reassembly import encode_batch
from restyle.settings import Settings
from restyle.spool import spool_folder
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores
from tasks.videos import video_info


@task(
    name="encode-segment", task_run_name="encode segment {batch.index}: frames {batch.start}-{batch.last}", **RETRYING
)
def encode_segment(batch: FrameBatch, job_id: str, output: OutputOptions) -> None:
    """Encode a batch that is painted, unless its segment is there."""
    data, control = open_stores()
    plan = read_plan(control, job_id)
    ledger, segments = Ledger(control, data, plan), Segments(control, data, plan, output)
    entry = ledger.read(batch)
    if entry is None:
        raise FrameCorrupt(f"frames {batch.start}-{batch.last}: their record is gone; run the job again to paint them")
    if segments.find(entry):
        return already("AlreadyDone", f"frames {batch.start}-{batch.last} are encoded", None)
    with spool_folder(Settings().home / "spool") as folder:
        encode_batch(data, ledger, segments, plan, video_info(job_id), output, entry, folder)
    return None


@task(name="try-encoder", task_run_name="try-encoder", **RETRYING)
def try_encoder(info: VideoInfo, output: OutputOptions, width: int, height: int) -> None:
    """Raises UnsupportedOutput where a worker's GPU does not encode this output."""
    rehearse_encoder(info, output, (width, height))
