"""The ledger: what it takes for a batch to count as done."""

from pathlib import Path

import numpy as np

from restyle.batches import paint_batch
from restyle.images import Pixels
from tests.jobs import SmallJob, at_once, small_job


def invert(frames: Pixels) -> Pixels:
    return np.asarray(255 - frames, np.uint8)


def paint(job: SmallJob, *indices: int) -> None:
    for index in indices:
        paint_batch(job.data, job.ledger, job.plan, job.plan.batches[index], at_once(invert), attempts=1, worker="test")


def test_a_painted_batch_is_found_and_trusted(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    paint(job, 0, 1)
    assert sorted(job.ledger.trusted(job.ledger.stored_sizes())) == [0, 1]
    assert job.ledger.find(job.plan.batches[1]) is not None
    assert job.ledger.find(job.plan.batches[2]) is None


def test_a_record_whose_frame_is_gone_or_of_another_size_is_not_trusted(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    paint(job, 0, 1)
    job.data.delete(job.ledger.styled_keys(job.plan.batches[0])[2])
    job.data.write(job.ledger.styled_keys(job.plan.batches[1])[0], b"short")
    assert not job.ledger.trusted(job.ledger.stored_sizes())
    assert job.ledger.find(job.plan.batches[0]) is None
    assert job.ledger.find(job.plan.batches[1]) is None


def test_a_record_of_another_cut_is_not_trusted(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    paint(job, 0)
    recut = small_job(tmp_path, batch_size=3)
    assert recut.plan.job == job.plan.job
    assert not recut.ledger.trusted(recut.ledger.stored_sizes())


def test_a_struck_record_makes_the_batch_undone(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    paint(job, 0)
    job.ledger.strike(job.ledger.recorded())
    assert job.ledger.find(job.plan.batches[0]) is None
