"""Time stamps: kept where the file has them, made up where it has none, always rising."""

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from restyle.media.timeline import Clock, first_stamp, step_in_ticks

STEP, SECOND = 40, 1000


def timeline(*raw: int | None) -> list[int]:
    clock = Clock(first_stamp(raw, STEP), STEP, SECOND)
    return [clock.stamp(pts) for pts in raw]


def test_rising_stamps_are_kept() -> None:
    assert timeline(-7, 0, 33, 1000) == [-7, 0, 33, 1000]


def test_leading_frames_without_stamps_are_counted_back() -> None:
    assert timeline(None, None, 0, 40) == [-80, -40, 0, 40]


def test_frames_without_any_stamps_come_at_the_stated_rate() -> None:
    assert timeline(None, None, None) == [0, 40, 80]


def test_a_gap_in_the_stamps_is_filled_step_by_step() -> None:
    assert timeline(100, None, None, 250) == [100, 140, 180, 250]


def test_repeated_and_slightly_falling_stamps_lose_no_frame() -> None:
    assert timeline(0, 40, 40, 30, 120) == [0, 40, 41, 42, 120]


def test_a_splice_follows_on() -> None:
    assert timeline(90_000, 90_040, 0, 40, 80) == [90_000, 90_040, 90_080, 90_120, 90_160]


def test_a_long_pause_stays() -> None:
    assert timeline(0, 40, 60_000) == [0, 40, 60_000]


@given(st.lists(st.none() | st.integers(-(10**6), 10**6), min_size=1, max_size=50))
def test_the_timeline_always_rises_and_is_the_same_on_every_reading(raw: list[int | None]) -> None:
    stamps = timeline(*raw)
    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))
    again = Clock(stamps[0], STEP, SECOND)  # a decoder process knows the first stamp alone
    assert [again.stamp(pts) for pts in raw] == stamps


def test_steps_are_whole_ticks() -> None:
    assert step_in_ticks(Fraction(30000, 1001), Fraction(1, 30000)) == 1001
    assert step_in_ticks(Fraction(60), Fraction(1, 25)) == 1
    assert step_in_ticks(None, Fraction(1, 1000)) == 40
