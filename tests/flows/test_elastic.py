"""A cluster that grows with its queue and shrinks to nothing, whose workers may be taken away at any moment."""

import os
from pathlib import Path

import pytest

from restyle.chaos.subject import await_that
from tests.flows.conftest import Shell
from tests.flows.elastic import (
    elastic_cluster,
    evict_during,
    repeated_frames,
    require_every_frame_in_place,
    start,
)
from tests.flows.faulty import grey_clip, misbehave

ROOT = Path(__file__).parents[2]
EVICTIONS = int(os.environ.get("RESTYLE_TEST_EVICTIONS", "4"))
"""More than the suite has time for: RESTYLE_TEST_EVICTIONS=20."""
BATCH, MOST, APART = 3, 3, 3
FRAMES = (APART * EVICTIONS + 8) * BATCH


@pytest.fixture
def faulty(shell: Shell) -> Shell:
    """A shell whose model sleeps, and notes what it begins."""
    shell.environment |= {"FAULTS": str(shell.home / "faults.json"), "PYTHONPATH": str(ROOT)}
    misbehave(shell.home / "faults.json", sleep_s=0.5, note=True)
    return shell


@pytest.mark.slow
@pytest.mark.timeout(600 + 30 * EVICTIONS)
def test_a_cluster_grows_from_nothing_lives_through_evictions_and_shrinks_to_nothing(faulty: Shell) -> None:
    clip = grey_clip(faulty.home / "evicted.mp4", FRAMES)
    with elastic_cluster(faulty, MOST, warm_minutes=0.1) as cluster:
        assert cluster.workers() == 0
        faulty.environment["RESTYLE_MAX_WORKERS"] = str(MOST)
        run = start(faulty, cluster, clip, "--batch-size", str(BATCH))
        await_that(lambda: cluster.workers() == MOST or run.poll() is not None, 300)
        evicted = evict_during(faulty, cluster, run, EVICTIONS, APART)
        assert run.wait(600) == 0
        assert evicted == EVICTIONS
        cluster.await_workers(0)
    require_every_frame_in_place(clip.with_suffix(".out.mp4"), FRAMES)
    assert repeated_frames(faulty.home, FRAMES) <= EVICTIONS * BATCH
