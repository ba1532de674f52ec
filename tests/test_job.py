"""What makes two jobs the same job."""

import pytest

from restyle.job import Job, Look, StyleRef, VideoSource

JOB = Job(
    video=VideoSource(key="videos/a.mp4", size_bytes=9, identity="sha256:aa"), style=StyleRef(name="x", sha256="bb")
)


def test_names_do_not_make_another_job() -> None:
    renamed = JOB.model_copy(
        update={
            "video": JOB.video.model_copy(update={"key": "videos/b.mp4"}),
            "style": StyleRef(name="y", sha256="bb"),
        }
    )
    assert renamed.job_id == JOB.job_id


@pytest.mark.parametrize(
    "change",
    [
        {"video": VideoSource(key="videos/a.mp4", size_bytes=9, identity="sha256:ab")},
        {"video": VideoSource(key="videos/a.mp4", size_bytes=8, identity="sha256:aa")},
        {"style": StyleRef(name="x", sha256="bc")},
        {"look": Look(strength=0.5)},
        {"look": Look(keep_color=True)},
        {"look": Look(stroke=1.5)},
        {"look": Look(max_side=320)},
        {"look": Look(frames="png")},
        {"look": Look(smooth=0.1)},
    ],
)
def test_whatever_decides_pixels_makes_another_job(change: dict[str, object]) -> None:
    assert JOB.model_copy(update=change).job_id != JOB.job_id


def test_an_option_that_is_not_used_leaves_the_jobs_of_before_as_they_were() -> None:
    assert JOB.job_id == "f040cd4f133359da", "of PIXEL_VERSION 2; raised with it, and only with it"
    assert JOB.model_copy(update={"look": Look(smooth=0.0)}).job_id == JOB.job_id


def test_a_lead_in_is_long_enough_to_forget_how_it_began() -> None:
    assert [Look(smooth=smooth).lead_in for smooth in (0.0, 0.01, 0.5, 0.8, 1.0)] == [0, 1, 3, 8, 22]
