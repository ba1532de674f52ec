"""reassemble: painted frames and sound become the output video."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task

from restyle.domain import VideoInfo
from restyle.encoding import Segments
from restyle.ledger import BatchRecord
from restyle.media.mux import MuxPlan
from restyle.media.options import OutputOptions
from restyle.plan import Plan
from restyle.reassembly import OutputRecord, finished_output
from restyle.reassembly import reassemble as make
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores


@task(name="reassemble", task_run_name="reassemble", **RETRYING)
def reassemble(
    plan: Plan,
    records: Sequence[BatchRecord],
    info: VideoInfo,
    mux: MuxPlan,
    options: OutputOptions,
    source: Path,
    sound: Path | None,
    folder: Path,
) -> OutputRecord:
    """The verified output in the data store, of these painted batches."""
    data, control = open_stores()
    done = finished_output(data, control, plan.job.job_id, options)
    if done is not None:
        return already("AlreadyDone", f"{done.key} is made", done)
    segments = Segments(control, data, plan, options)
    return make(data, control, segments, records, plan, info, mux, options, source, sound, folder)
