"""A device with too little memory paints in smaller mini-batches, and says what would fit where not one frame does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from models.staging import Frames
from restyle.batches import paint_batch
from restyle.errors import OutOfMemory
from tasks import fitting
from tasks.fitting import within_memory
from tests.jobs import at_once, small_job


@pytest.mark.slow
def test_a_real_want_of_memory_is_met_by_smaller_mini_batches_and_named_where_nothing_fits() -> None:
    command = [sys.executable, "-m", "tests.tasks.starved"]
    # What a failed pass frees goes back at once: kept, it leaves the address space to nobody, or not, as it happens.
    returning = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **returning}
    said = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=Path(__file__).parents[2],
    )
    assert said.returncode == 0, said.stderr
    tried, error = said.stdout.splitlines()
    sizes = [int(word) for word in tried.split()]
    assert sizes[0] == 8
    assert sizes[1:] == [one // 2 for one in sizes[:-1]]
    assert 1 <= sizes[-1] < 8
    found = re.search(r"1 frames of 1280x720 pixels, .* (\d+)x\d+ fit: run with --max-side (\d+)", error)
    assert found
    assert found[1] == found[2]
    assert int(found[1]) < 1280


def test_the_record_of_a_batch_names_the_mini_batch_that_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = small_job(tmp_path)  # its plan says two frames at a time

    def paint(frames: Frames) -> Frames:
        """In place of a GPU's memory: room for one frame."""
        if len(frames) > 1:
            raise OutOfMemory(f"{len(frames)} frames do not fit")
        return frames

    monkeypatch.setattr(fitting, "one_at_a_time", lambda _: at_once(paint))
    monkeypatch.setattr(fitting, "painter", lambda *_: None)
    entry = fitting.fitting(
        job.plan,
        lambda plan, painted: paint_batch(
            job.data, job.ledger, plan, job.plan.batches[0], painted, attempts=1, worker="w"
        ),
    )
    assert (job.plan.numeric.mini_batch, entry.numeric.mini_batch) == (2, 1)
    assert job.ledger.find(job.plan.batches[0]) == entry
    assert len(entry.frames) == 4


def test_another_error_is_not_tried_again() -> None:
    tried = []

    def attempt(mini_batch: int) -> None:
        tried.append(mini_batch)
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        within_memory(8, attempt, at_once(lambda frames: frames), (8, 8))
    assert tried == [8]
