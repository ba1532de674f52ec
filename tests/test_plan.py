"""The cut of a video into batches and ranges, and the plan that is written once."""

from itertools import chain
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from restyle.plan import cut_batches, cut_ranges, differences, fix_plan, read_plan
from tests.jobs import small_job

COUNTS = st.integers(1, 5000)
SIZES = st.integers(1, 600)


@given(COUNTS, SIZES)
def test_batches_cover_every_frame_exactly_once(frame_count: int, batch_size: int) -> None:
    batches = cut_batches(frame_count, batch_size)
    assert list(chain.from_iterable(range(b.start, b.stop) for b in batches)) == list(range(frame_count))
    assert [b.index for b in batches] == list(range(len(batches)))
    assert all(0 < len(b) <= batch_size for b in batches)


@given(COUNTS, SIZES, st.integers(1, 7))
def test_ranges_hold_every_batch_once_and_in_order(frame_count: int, batch_size: int, group: int) -> None:
    batches = cut_batches(frame_count, batch_size)
    ranges = cut_ranges(batches, group)
    assert tuple(chain.from_iterable(r.batches for r in ranges)) == batches
    assert all((r.start, r.stop) == (r.batches[0].start, r.batches[-1].stop) for r in ranges)


def test_the_first_plan_written_is_the_one_every_run_obeys(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    other = job.plan.model_copy(update={"batch_size": 7})
    assert fix_plan(job.control, job.plan) == job.plan
    assert fix_plan(job.control, other) == job.plan
    assert read_plan(job.control, job.plan.job.job_id) == job.plan
    assert differences(other, job.plan) == ("--batch-size: the job's plan says 4, not 7",)


def test_a_range_is_needed_for_its_missing_batches_and_for_the_lead_in_of_the_next(tmp_path: Path) -> None:
    plan = small_job(tmp_path, frame_count=24, batch_size=2, smooth=0.5).plan  # a lead-in of 3 frames
    ranges = cut_ranges(plan.batches, 2)
    assert plan.first_seen(plan.batches[0]) == 0
    assert plan.first_seen(plan.batches[1]) == 0
    assert [span.index for span in ranges if plan.needs(span, [plan.batches[6]])] == [2, 3]  # frames 9-13
    assert [span.index for span in ranges if plan.needs(span, [plan.batches[0]])] == [0]
    assert not any(plan.needs(span, []) for span in ranges)
    still = small_job(tmp_path, frame_count=24, batch_size=2).plan
    assert [span.index for span in ranges if still.needs(span, [still.batches[6]])] == [3]
