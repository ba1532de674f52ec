"""Logs of batches: one JSON object a line, one file a batch, whatever ends it."""

import json
from pathlib import Path

import pytest

from restyle.batches import paint_batch
from restyle.errors import FrameCorrupt
from restyle.event_log import batch_log, spoken
from restyle.layout import batch_log as log_key
from restyle.layout import frames, image_name
from tests.jobs import SmallJob, at_once, small_job


def paint(job: SmallJob, attempt: int) -> None:
    batch = job.plan.batches[1]
    with batch_log(job.control, "run-1", batch, attempt, "host:7") as log:
        places = (job.data, job.ledger, job.plan, batch, at_once(lambda frames: frames))
        log.painted(paint_batch(*places, attempts=attempt, worker="host:7", seen=log.frame))


def lines(job: SmallJob) -> list[dict[str, object]]:
    return [json.loads(line) for line in job.control.read(log_key("run-1", 1)).splitlines()]


def test_a_batch_logs_each_image_and_its_own_numbers_once(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    paint(job, 1)
    first, *images, last = lines(job)
    assert (first["event"], first["worker"], first["attempt"]) == ("begun", "host:7", 1)
    assert sorted(line["frame"] for line in images if isinstance(line["frame"], int)) == [4, 5, 6, 7]
    assert all(line[name] >= 0 for line in images for name in ("load_s", "model_s", "store_s"))  # type: ignore[operator]
    entry = job.ledger.read(job.plan.batches[1])
    assert entry
    assert last["event"] == "painted"
    assert last["frames"] == 4
    assert last["total_s"] == round(entry.timings.total_s, 4)
    assert last["bytes"] == sum(frame.size_bytes for frame in entry.frames)
    assert "batch 1, frames 4-7, in" in spoken(entry)


def test_a_failed_attempt_is_logged_and_the_next_one_below_it(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    key = frames(job.plan.job.job_id) + image_name(6, "png")
    kept = job.data.read(key)
    job.data.write(key, b"no picture")
    with pytest.raises(FrameCorrupt):
        paint(job, 1)
    assert lines(job)[-1]["error"] == "FrameCorrupt"
    assert "00000006.png" in str(lines(job)[-1]["message"])
    job.data.write(key, kept)
    paint(job, 2)
    assert [line["attempt"] for line in lines(job) if line["event"] == "begun"] == [1, 2]
    assert [line["event"] for line in lines(job)].count("failed") == 1
    assert lines(job)[-1]["event"] == "painted"
