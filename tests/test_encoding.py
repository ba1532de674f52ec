"""Segments: a batch's painted frames encoded once, and only trusted while they hold just these frames."""

from pathlib import Path

import numpy as np
import pytest

from restyle.batches import paint_batch
from restyle.encoding import SegmentRecord, Segments
from restyle.errors import FrameCorrupt, LedgerUnbalanced
from restyle.images import Pixels
from restyle.layout import segment
from restyle.ledger import BatchRecord
from restyle.media.options import OutputOptions, encoding_id
from restyle.reassembly import encode_batch
from tests.jobs import HEIGHT, INFO, WIDTH, SmallJob, at_once, small_job
from tests.media.reading import frames_rgb

OPTIONS = OutputOptions(crf=1)


def invert(frames: Pixels) -> Pixels:
    return np.asarray(255 - frames, np.uint8)


def paint(job: SmallJob, index: int) -> BatchRecord:
    batch = job.plan.batches[index]
    return paint_batch(job.data, job.ledger, job.plan, batch, at_once(invert), attempts=1, worker="test")


def segments_of(job: SmallJob, options: OutputOptions = OPTIONS) -> Segments:
    return Segments(job.control, job.data, job.plan, options)


def encode(job: SmallJob, entry: BatchRecord, folder: Path) -> SegmentRecord:
    return encode_batch(job.data, job.ledger, segments_of(job), job.plan, INFO, OPTIONS, entry, folder)


def test_a_segment_holds_the_painted_frames_of_its_batch(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    made = encode(job, paint(job, 1), tmp_path)
    (tmp_path / "fetched").mkdir()
    fetched = segments_of(job).fetch(made, tmp_path / "fetched")
    levels = frames_rgb(fetched, WIDTH, HEIGHT, "null").mean(axis=(1, 2, 3))
    assert np.abs(levels - [251, 250, 249, 248]).max() < 2


def test_a_batch_painted_anew_or_in_another_encoding_has_no_segment_yet(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    entry = paint(job, 0)
    made = encode(job, entry, tmp_path)
    assert segments_of(job).find(entry) == made
    assert segments_of(job, OutputOptions(crf=2)).find(entry) is None
    anew = entry.model_copy(update={"frames": tuple(reversed(entry.frames))})
    assert segments_of(job).find(anew) is None


def test_segments_balance_only_with_every_frame(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    entries = [paint(job, index) for index in range(3)]
    made = [encode(job, entry, tmp_path) for entry in entries]
    assert segments_of(job).balanced(entries[::-1]) == made
    with pytest.raises(LedgerUnbalanced, match="frames 4-7 are not all painted and encoded"):
        segments_of(job).balanced([entries[0], entries[2]])
    job.data.delete(segment(job.plan.job.job_id, encoding_id(OPTIONS), 2))
    with pytest.raises(LedgerUnbalanced, match="frames 8-9"):
        segments_of(job).balanced(entries)


def test_a_damaged_segment_is_refused_and_encoded_anew(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    entry = paint(job, 0)
    made = encode(job, entry, tmp_path)
    key = segment(job.plan.job.job_id, encoding_id(OPTIONS), 0)
    flipped = bytearray(job.data.read(key))
    flipped[len(flipped) // 2] ^= 1
    job.data.write(key, bytes(flipped))
    with pytest.raises(FrameCorrupt, match="run the job again"):
        segments_of(job).fetch(made, tmp_path)
    assert segments_of(job).find(entry) is None


def test_a_damaged_painted_frame_is_not_encoded_and_its_batch_is_painted_again(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    entry = paint(job, 0)
    key = job.ledger.styled_keys(entry.batch)[1]
    job.data.write(key, job.data.read(job.ledger.styled_keys(entry.batch)[2]))
    with pytest.raises(FrameCorrupt, match="not the bytes that were painted"):
        encode(job, entry, tmp_path)
    assert job.ledger.read(entry.batch) is None
