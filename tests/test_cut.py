"""The batch size chosen for a clip: bounded, even, and worth its orchestration."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from restyle.cut import LEAST_ROUNDS, LONGEST_BATCH_S, MOST_ORCHESTRATION, SERIAL_S, TASK_S, choose_cut

COUNTS = st.integers(1, 500_000)
SECONDS = st.floats(1e-4, 30)
WORKERS = st.integers(1, 300)


@given(COUNTS, SECONDS, WORKERS)
def test_no_batch_is_longer_than_a_minute_nor_leaves_a_worker_with_one_that_could_be_kept_at_work(
    count: int, frame_s: float, workers: int
) -> None:
    size = choose_cut(count, frame_s, workers).batch_size
    assert 1 <= size <= max(1, LONGEST_BATCH_S / frame_s)
    fed = size <= ceil(SERIAL_S * workers / frame_s)  # no longer than it must be for so many
    assert fed or ceil(count / size) > (LEAST_ROUNDS - 1) * workers


@given(COUNTS, SECONDS, st.integers(1, 1000))
def test_no_batch_is_so_short_that_workers_wait_for_the_flow(count: int, frame_s: float, workers: int) -> None:
    size = choose_cut(count, frame_s, workers).batch_size
    assert size * frame_s >= min(SERIAL_S * workers, LONGEST_BATCH_S - frame_s, count * frame_s) * 0.999


@given(COUNTS, SECONDS, WORKERS)
def test_orchestration_is_worth_it_wherever_the_clip_is_long_enough(count: int, frame_s: float, workers: int) -> None:
    size = choose_cut(count, frame_s, workers).batch_size
    worth = TASK_S * workers / MOST_ORCHESTRATION / frame_s
    # Near a minute, one batch more for each worker makes all of them smaller, by a third at most.
    bounded_elsewhere = worth > 2 / 3 * int(LONGEST_BATCH_S / frame_s) or worth > count // (LEAST_ROUNDS * workers)
    assert bounded_elsewhere or size >= worth * 0.999


@given(st.integers(5_000, 500_000), st.floats(1e-3, 1), st.integers(1, 16))
def test_workers_end_together(count: int, frame_s: float, workers: int) -> None:
    size = choose_cut(count, frame_s, workers).batch_size
    rounds = ceil(ceil(count / size) / workers)
    fed = size <= ceil(SERIAL_S * workers / frame_s)  # a clip of a moment may leave workers without a batch
    assert fed or 1 - count / (rounds * size * workers) < 0.05


def test_a_minute_of_video_on_two_cores() -> None:
    cut = choose_cut(1500, 0.12, 2)
    assert cut.batch_size == 250
    assert "a batch of 250 frames 30 s" in cut.reason
