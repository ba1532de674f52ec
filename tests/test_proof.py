"""Everything a job stored is held against its ledger: a flipped byte is found, and only its batch taken back."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from restyle.batches import paint_batch
from restyle.cleaning import clean, jobs
from restyle.commands.verify import verify
from restyle.encoding import Segments
from restyle.errors import BadSetting, UnknownJob
from restyle.images import Pixels
from restyle.layout import audio, audio_record, frames, image_name, output, output_record, record, segment, styled
from restyle.media.options import OutputOptions, encoding_id
from restyle.plan import fix_plan
from restyle.presence import at_job
from restyle.proof import mend, prove, sha256_of
from restyle.reassembly import OutputRecord, drop, encode_batch
from tests.jobs import INFO, SmallJob, at_once, small_job

OPTIONS = OutputOptions()


def invert(frames: Pixels) -> Pixels:
    return np.asarray(255 - frames, np.uint8)


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    """Ten painted and encoded frames in three batches, and an output as far as the stores know."""
    small = small_job(tmp_path)
    fix_plan(small.control, small.plan)
    segments = Segments(small.control, small.data, small.plan, OPTIONS)
    for batch in small.plan.batches:
        entry = paint_batch(small.data, small.ledger, small.plan, batch, at_once(invert), attempts=1, worker="w")
        encode_batch(small.data, small.ledger, segments, small.plan, INFO, OPTIONS, entry, tmp_path)
    key = output(small.plan.job.job_id, encoding_id(OPTIONS), ".mp4")
    blob = small.data.write(key, b"a video")
    made = OutputRecord(
        key=key,
        size_bytes=blob.size_bytes,
        sha256=sha256_of(small.data, key),
        codec="h264",
        frames=10,
        duration_s=1,
        worst_drift_s=0,
        encode_s=0,
        notes=(),
    )
    small.control.write(receipt(small), made.model_dump_json().encode())
    return small


def receipt(job: SmallJob) -> str:
    return output_record(job.plan.job.job_id, encoding_id(OPTIONS))


def faults(job: SmallJob) -> list[str]:
    return [fault.what for fault in prove(job.data, job.control, job.plan.job.job_id).faults]


def flip(job: SmallJob, key: str) -> None:
    whole = job.data.read(key)
    middle = len(whole) // 2
    job.data.write(key, whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


def test_an_undisturbed_job_agrees_with_and_without_its_frames(job: SmallJob) -> None:
    assert faults(job) == []
    lines = prove(job.data, job.control, job.plan.job.job_id).lines
    assert "ledger: 3 of 3 batches, 10 of 10 frames, each once" in lines
    assert "painted frames: 10 of 10 as recorded" in lines
    (cleaned,) = jobs(job.data, job.control, everything=False)
    clean(job.data, job.control, cleaned)
    assert faults(job) == []


@pytest.mark.parametrize("frame", range(10))
@pytest.mark.parametrize("prefix", [frames, styled])
def test_a_flipped_byte_in_any_stored_frame_takes_back_its_batch_alone(
    job: SmallJob, prefix: object, frame: int
) -> None:
    assert callable(prefix)
    job_id = job.plan.job.job_id
    key = prefix(job_id) + image_name(frame, "png")
    flip(job, key)
    proof = prove(job.data, job.control, job_id)
    (fault,) = proof.faults
    assert key in fault.what
    mend(job.data, job.control, proof.faults)
    left = [entry.batch.index for entry in job.ledger.recorded()]
    assert left == [index for index in range(3) if index != frame // 4]
    assert list(job.control.list(receipt(job))) == []


def test_a_damaged_segment_or_output_takes_back_no_painted_batch(job: SmallJob) -> None:
    job_id = job.plan.job.job_id
    flip(job, segment(job_id, encoding_id(OPTIONS), 1))
    flip(job, output(job_id, encoding_id(OPTIONS), ".mp4"))
    proof = prove(job.data, job.control, job_id)
    assert len(proof.faults) == 2
    mend(job.data, job.control, proof.faults)
    assert len(job.ledger.recorded()) == 3
    assert faults(job) == []


def test_damaged_sound_is_found_and_taken_back(job: SmallJob) -> None:
    job_id = job.plan.job.job_id
    job.data.write(audio(job_id), b"some sound")
    job.control.write(audio_record(job_id), sha256_of(job.data, audio(job_id)).encode())
    assert faults(job) == []
    flip(job, audio(job_id))
    proof = prove(job.data, job.control, job_id)
    (fault,) = proof.faults
    assert audio(job_id) in fault.what
    mend(job.data, job.control, proof.faults)
    assert faults(job) == []


def test_a_source_that_was_changed_is_named_and_cannot_be_mended(job: SmallJob) -> None:
    job.data.write(job.plan.job.video.key, b"another video")
    (fault,) = prove(job.data, job.control, job.plan.job.job_id).faults
    assert "not the video that was painted" in fault.what
    assert not fault.mendable


def test_a_painted_frame_that_is_gone_alone_is_missed(job: SmallJob) -> None:
    job.data.delete(styled(job.plan.job.job_id) + image_name(5, "png"))
    (missed,) = faults(job)
    assert "00000005.png" in missed


def test_a_record_of_other_frames_disagrees(job: SmallJob) -> None:
    job_id = job.plan.job.job_id
    job.control.write(record(job_id, 1), job.control.read(record(job_id, 0)))
    (missing,) = faults(job)
    assert "no record of batch 1, frames 4-7" in missing
    assert len(job.ledger.trusted(job.ledger.stored_sizes())) == 2


def test_a_job_that_nobody_knows_is_named(job: SmallJob) -> None:
    with pytest.raises(UnknownJob, match="0123"):
        prove(job.data, job.control, "0123")


def test_what_is_left_is_counted_by_job_and_cleaned_by_job(job: SmallJob) -> None:
    job_id = job.plan.job.job_id
    job.data.write("work/0123456789abcdef/frames/0.png", b"12345")
    found = {one.name: one for one in jobs(job.data, job.control, everything=True)}
    assert found["0123456789abcdef"].size_bytes == 5
    clean(job.data, job.control, found[job_id])
    assert [blob.key for blob in job.data.list("work/")] == ["work/0123456789abcdef/frames/0.png"]
    assert list(job.data.list(f"runs/{job_id}/")) == []
    assert list(job.control.list(f"jobs/{job_id}/")) == []
    drop(job.data, "work/0123456789abcdef/")


def test_nothing_is_verified_while_a_run_is_at_work_on_it(
    job: SmallJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HOME", tmp_path), ("DATA_STORE", f"file://{tmp_path}/data")):
        monkeypatch.setenv(f"RESTYLE_{name}", str(value))
    monkeypatch.setenv("RESTYLE_CONTROL_STORE", f"file://{tmp_path}/control")
    words = Namespace(job=job.plan.job.job_id, mend=True)
    with at_job(tmp_path, words.job), pytest.raises(BadSetting, match="a run is at work on it"):
        verify(words)
    with pytest.raises(UnknownJob, match="no job is named so"):
        verify(Namespace(job="../other", mend=True))


def test_what_others_put_beside_jobs_is_no_job(job: SmallJob) -> None:
    job.data.write(f"work/{'n' * 255}/x", b"")
    assert [one.name for one in jobs(job.data, job.control, everything=True)] == [job.plan.job.job_id]
