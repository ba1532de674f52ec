"""Batches that take their workers along: tried again, alone in the end; the others go on."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from tests.flows.conftest import FRAMES, Shell
from tests.flows.dashboard import dashboard
from tests.flows.faulty import grey_clip, misbehave

ROOT = Path(__file__).parents[2]
MODEL = "tests.flows.faulty:paint"
DEADLY = "style batch 3: frames 12-15"
WELL = ("Completed", "NotNeeded", "AlreadyPainted", "AlreadyDone")


@pytest.fixture
def faulty(shell: Shell) -> Shell:
    """A shell whose model does what FAULTS says."""
    shell.environment |= {"FAULTS": str(shell.home / "faults.json"), "PYTHONPATH": str(ROOT)}
    misbehave(shell.home / "faults.json")
    return shell


@pytest.mark.slow
def test_a_batch_that_always_kills_its_worker_ends_crashed_and_the_others_are_painted(
    faulty: Shell, server: str
) -> None:
    clip = grey_clip(faulty.home / "deadly.mp4", FRAMES)
    words = ("run", clip, "--model", MODEL, "-o", faulty.home / "out.mp4", "--batch-size", "4", "--workers", "2")
    misbehave(faulty.home / "faults.json", kill=[13], kill_once=[26])
    failed = faulty(*words, "--keep-frames")
    assert failed.returncode == 1, failed.stderr
    assert "1 of 10 batches failed" in failed.stderr, failed.stderr
    assert "batch 3 (frames 12-15): each worker that tried it died" in failed.stderr
    with dashboard(server) as seen:
        (run,) = seen.named("deadly.mp4 in tests.flows.faulty-paint")
        ended = defaultdict(list)
        for one in seen.task_runs(run.id):
            ended[one.name].append(one.state_name)
        said = [one.state.message for one in seen.task_runs(run.id) if one.name == DEADLY and one.state]
    assert ended.pop(DEADLY) == ["Crashed"] * 2  # among the others, and alone
    assert all("frames 12-15" in str(message) for message in said)
    # What a worker had just done goes with it where the run has not taken it yet, and is found in the ledger then.
    assert {name: states for name, states in ended.items() if len(states) > 1 or states[0] not in WELL} == {}
    assert len([name for name in ended if name.startswith("style batch")]) == 9
    recorded = faulty.stored("control/jobs")
    misbehave(faulty.home / "faults.json", fail=list(range(12)))  # of which none is painted again
    mended = faulty(*words, "--report", faulty.home / "report.json")
    assert mended.returncode == 0, mended.stderr
    assert json.loads((faulty.home / "report.json").read_text())["reused_batches"] == 9
    kept = {name for name in recorded if "/ledger/" in name}
    assert len(kept) == 9
    assert {name: faulty.stored("control/jobs")[name] for name in kept} == {name: recorded[name] for name in kept}
