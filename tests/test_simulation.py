"""The model of scale: what it says where the answer is known, and what must hold of any."""

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.simulation import Costs, Simulation

FREE = Costs(
    start_s=0, probe_s=0, verify_s=0, join_s=0, split_s=0, submit_s=0, record_s=0, batch_s=0, frame_s=1.0
)  # fmt: skip


def test_one_worker_takes_what_all_steps_take_one_after_another() -> None:
    costs = Costs(
        start_s=5, probe_s=0.1, verify_s=0.2, join_s=0.05, split_s=0, submit_s=0.5, record_s=4, batch_s=1, frame_s=2
    )  # fmt: skip
    made = Simulation(costs, workers=1, batch_size=10, at_once=1).of([40])
    assert made.busy_s == pytest.approx(4 * (1 + 10 * 2))
    assert made.wall_s == pytest.approx(5 + 40 * 0.1 + made.busy_s + 40 * 0.25 + 4 * 4 / 4)


def test_a_flow_that_submits_too_slowly_keeps_workers_waiting() -> None:
    quick = Simulation(FREE, workers=100, batch_size=1, at_once=1).of([1000])
    slow = Simulation(replace(FREE, submit_s=0.1), workers=100, batch_size=1, at_once=1).of([1000])
    assert quick.wall_s == pytest.approx(10)
    assert slow.wall_s == pytest.approx(999 * 0.1 + 1)


@given(st.integers(1, 300), st.integers(1, 50), st.lists(st.integers(1, 2000), min_size=1, max_size=5))
def test_nothing_is_painted_twice_nor_faster_than_all_workers_can(workers: int, size: int, videos: list[int]) -> None:
    costs = replace(FREE, batch_s=0.5, submit_s=0.01)
    made = Simulation(costs, workers, size, at_once=2).of(videos)
    work = sum(frames + 0.5 * ceil(frames / size) for frames in videos)
    assert made.busy_s == pytest.approx(work)
    assert made.wall_s >= work / workers - 1e-6
