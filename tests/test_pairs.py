"""Moments of a job, source beside painted, and how restless they are."""

from fractions import Fraction
from pathlib import Path

import pytest

from restyle.batches import paint_batch
from restyle.domain import ColorTags, VideoInfo
from restyle.errors import BlobNotFound
from restyle.pairs import take_samples
from tests.jobs import HEIGHT, WIDTH, at_once, small_job


def video(frame_count: int) -> VideoInfo:
    return VideoInfo(
        width=WIDTH,
        height=HEIGHT,
        sample_aspect=Fraction(1),
        rotation_deg=0,
        codec="h264",
        container="mp4",
        color=ColorTags(matrix="bt709", primaries="bt709", transfer="bt709"),
        time_base=Fraction(1, 10),
        pts=tuple(range(5, 5 + frame_count)),
        last_duration=1,
    )


def test_restlessness_is_the_mean_difference_of_neighbours_in_levels(tmp_path: Path) -> None:
    job = small_job(tmp_path, frame_count=10)  # frame i is a grey of level i
    for batch in job.plan.batches:
        paint_batch(job.data, job.ledger, job.plan, batch, at_once(lambda frames: frames * 3), attempts=1, worker="w")
    made = take_samples(job.data, job.plan, video(10))
    assert made.restlessness
    assert (made.restlessness.source, made.restlessness.painted) == (1.0, 3.0)
    assert [pair.frame for pair in made.pairs] == list(range(10))
    assert [pair.time_s for pair in made.pairs] == [pytest.approx(i / 10) for i in range(10)]


def test_a_single_frame_has_no_restlessness_and_missing_frames_are_told(tmp_path: Path) -> None:
    job = small_job(tmp_path, frame_count=1)
    with pytest.raises(BlobNotFound):
        take_samples(job.data, job.plan, video(1))
    paint_batch(job.data, job.ledger, job.plan, job.plan.batches[0], at_once(lambda x: x), attempts=1, worker="w")
    assert take_samples(job.data, job.plan, video(1)).restlessness is None
