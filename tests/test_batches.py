"""Painting one batch: what is stored, what is recorded, and what a failure leaves."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from restyle.batches import paint_batch
from restyle.errors import FrameCorrupt
from restyle.images import Pixels
from restyle.layout import frames, image_name, styled
from tests.jobs import at_once, grey, pixels, small_job


def invert(batch: Pixels) -> Pixels:
    return np.asarray(255 - batch, np.uint8)


def test_every_frame_of_the_batch_is_painted_and_recorded_by_hash(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    batch = job.plan.batches[1]
    entry = paint_batch(job.data, job.ledger, job.plan, batch, at_once(invert), attempts=2, worker="w")
    for number, key, frame in zip(range(4, 8), job.ledger.styled_keys(batch), entry.frames, strict=True):
        stored = job.data.read(key)
        assert np.array_equal(pixels(stored), 255 - grey(number))
        assert (frame.size_bytes, frame.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
        source = job.data.read(frames(job.plan.job.job_id) + image_name(number, "png"))
        assert frame.source_sha256 == hashlib.sha256(source).hexdigest()
    assert job.ledger.read(batch) == entry
    assert (entry.attempts, entry.worker) == (2, "w")


def test_mini_batches_have_the_planned_size(tmp_path: Path) -> None:
    job = small_job(tmp_path, frame_count=5, batch_size=5)
    sizes: list[int] = []

    def count(batch: Pixels) -> Pixels:
        sizes.append(len(batch))
        return batch

    paint_batch(job.data, job.ledger, job.plan, job.plan.batches[0], at_once(count), attempts=1, worker="w")
    assert sizes == [2, 2, 1]


def test_a_mini_batch_is_begun_before_the_one_before_it_is_waited_for(tmp_path: Path) -> None:
    job = small_job(tmp_path, frame_count=5, batch_size=5)
    said: list[str] = []

    def begin(frames: Pixels) -> Callable[[], Pixels]:
        """In place of a GPU, which paints by itself."""
        first = frames[0, 0, 0, 0]
        said.append(f"begin {first}")

        def wait() -> Pixels:
            said.append(f"wait {first}")
            return frames

        return wait

    paint_batch(job.data, job.ledger, job.plan, job.plan.batches[0], begin, attempts=1, worker="w")
    assert said == ["begin 0", "begin 2", "wait 0", "begin 4", "wait 2", "wait 4"]


def test_a_lead_in_is_painted_before_the_batch_and_not_stored(tmp_path: Path) -> None:
    job = small_job(tmp_path, smooth=0.5)  # a lead-in of 3 frames
    batch, levels = job.plan.batches[1], list[int]()

    def see(frames: Pixels) -> Pixels:
        levels.extend(int(frame[0, 0, 0]) for frame in frames)
        return invert(frames)

    entry = paint_batch(job.data, job.ledger, job.plan, batch, at_once(see), attempts=1, worker="w")
    assert levels == list(range(1, 8))
    assert len(entry.frames) == len(batch)
    stored = [pixels(job.data.read(key)) for key in job.ledger.styled_keys(batch)]
    assert [255 - int(image[0, 0, 0]) for image in stored] == [4, 5, 6, 7]
    assert not list(job.data.list(styled(job.plan.job.job_id) + image_name(3, "png")))


@pytest.mark.parametrize("damage", [b"not an image", b""])
def test_a_damaged_source_frame_fails_the_batch_by_name_and_leaves_no_record(tmp_path: Path, damage: bytes) -> None:
    job = small_job(tmp_path)
    key = frames(job.plan.job.job_id) + image_name(6, "png")
    job.data.write(key, damage)
    with pytest.raises(FrameCorrupt, match=image_name(6, "png")):
        paint_batch(job.data, job.ledger, job.plan, job.plan.batches[1], at_once(invert), attempts=1, worker="w")
    assert job.ledger.read(job.plan.batches[1]) is None


def test_a_missing_source_frame_fails_the_batch_by_name(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    job.data.delete(frames(job.plan.job.job_id) + image_name(9, "png"))
    with pytest.raises(FrameCorrupt, match=r"00000009\.png: the source frame is missing"):
        paint_batch(job.data, job.ledger, job.plan, job.plan.batches[2], at_once(invert), attempts=1, worker="w")


def test_a_frame_that_others_replaced_by_gigabytes_is_not_read_whole(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    batch = job.plan.batches[0]
    huge = tmp_path / "data" / frames(job.plan.job.job_id) / image_name(0, "png")
    with huge.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no disk
    with pytest.raises(FrameCorrupt, match="not a readable image"):
        paint_batch(job.data, job.ledger, job.plan, batch, at_once(invert), attempts=1, worker="w")
