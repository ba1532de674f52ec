"""What each role does to the two stores, as its own code does it, and the rights it needs for that."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest

from restyle import layout
from restyle.batches import paint_batch
from restyle.encoding import Segments
from restyle.errors import AccessDenied, FrameCorrupt
from restyle.event_log import batch_log
from restyle.images import Pixels
from restyle.lease import lease
from restyle.ledger import Ledger
from restyle.media.options import OutputOptions
from restyle.plan import fix_plan, read_plan
from restyle.reassembly import drop, encode_batch
from restyle.sensor import Sensor
from restyle.sensor.receipts import FEW
from restyle.storage import Store
from tests.jobs import INFO, at_once, small_job
from tests.sensor.taking import Server

VIDEO = "videos/clip.mp4"


class Role(NamedTuple):
    """Rights as a SAS spells them ('w' takes in 'c'), and the work they are for."""

    data: str
    control: str
    work: Callable[[Store, Store, str], None]
    """takes the data store, the control store and the id of the job that `prepare` made"""


def prepare(data: Store, control: Store, folder: Path) -> str:
    """What there is before a role begins, put there with all rights: a job whose frames wait. Returns its id."""
    small = small_job(folder, frame_count=4, batch_size=2)
    for source, target in ((small.data, data), (small.control, control)):
        for blob in source.list():
            target.write(blob.key, source.read(blob.key))
    for store in (data, control):
        store.write(VIDEO, b"video")
    data.write("triggers/good.json", json.dumps({"video": VIDEO, "style": "wave"}).encode())
    data.write("triggers/bad.json", b"no order")
    for number in range(FEW + 1):
        data.write(f"inbox/wave/{number}.mp4", b"video")
    fix_plan(control, small.plan)
    # What others left half done, and is done again: over a blob that is there.
    data.write(layout.reason(layout.rejected_trigger("triggers/bad.json")), b"why")
    data.write(layout.styled(small.plan.job.job_id) + layout.image_name(0, "png"), b"half")
    data.write(layout.report_file(small.plan.job.job_id), b"{}")
    control.write(layout.batch_log("run", 0), b"")
    control.write(layout.record(small.plan.job.job_id, 0), b"half")
    return small.plan.job.job_id


def upload(data: Store, _control: Store, _job_id: str) -> None:
    """New files, none replaced."""
    data.create("inbox/wave/new.mp4", b"video")
    data.create("triggers/new.json", b"{}")


def watch(data: Store, control: Store, _job_id: str) -> None:
    """The sensor. A blob it cannot handle is left for later, and said in its log: here it is told by an error."""
    sensor = Sensor(data, control, Server().start, still_s=0)
    swept = sensor.sweep()
    told = sensor.take("triggers/good.json")  # as an event tells of it
    if swept.failed or told == "failed":
        raise AccessDenied("as the log says")
    assert (swept.started, swept.refused, told) == (FEW + 2, 1, "started")


def paint(data: Store, control: Store, job_id: str) -> None:
    """A worker of the cluster: one batch, its log, its record, its segment; a frame that is not whole takes it back."""
    plan = read_plan(control, job_id)
    ledger, batch = Ledger(control, data, plan), plan.batches[0]
    with batch_log(control, "run", batch, 1, "worker") as log:
        assert ledger.find(batch) is None
        paint_batch(data, ledger, plan, batch, at_once(_invert), attempts=1, worker="worker", seen=log.frame)
    entry = ledger.find(batch)
    assert entry
    segments = Segments(control, data, plan, OutputOptions())
    with TemporaryDirectory() as folder:
        encode_batch(data, ledger, segments, plan, INFO, OutputOptions(), entry, Path(folder))
        damaged = ledger.styled_keys(batch)[0]
        whole = data.read(damaged)
        data.write(damaged, whole[:-1])
        with pytest.raises(FrameCorrupt):
            encode_batch(data, ledger, segments, plan, INFO, OutputOptions(), entry, Path(folder))
        data.write(damaged, whole)
    ledger.commit(entry)


def conduct(data: Store, control: Store, job_id: str) -> None:
    """The process of a run: it plans, uploads, checks, takes records back, reports and drops frames."""
    plan = read_plan(control, job_id)
    fix_plan(control, plan)
    ledger = Ledger(control, data, plan)
    ledger.trusted(ledger.stored_sizes())
    paint(data, control, job_id)
    ledger.strike(ledger.recorded())
    list(control.list(layout.TRAINED_STYLES))
    with lease(control, layout.trained_lease("id"), "run", lambda: True):
        control.create(layout.trained_style("id"), b"weights")
    data.write(layout.report_file(job_id), b"{}")
    drop(data, layout.frames(job_id), layout.styled(job_id))


def view(data: Store, _control: Store, _job_id: str) -> None:
    """Somebody who looks at results."""
    assert [data.read(blob.key) for blob in data.list("runs/")]


ROLES = {
    "uploader": Role("c", "", upload),
    "sensor": Role("rlwd", "rlc", watch),
    "worker": Role("rw", "rwd", paint),
    "run": Role("rlwd", "rlwd", conduct),
    "viewer": Role("rl", "", view),
}


def _invert(frames: Pixels) -> Pixels:
    return np.asarray(255 - frames, np.uint8)
