"""kill -9 at any moment, then the same command: nothing is lost and nothing recorded is painted again."""

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.flows.conftest import Shell

log = logging.getLogger(__name__)

KILLS = int(os.environ.get("RESTYLE_TEST_KILLS", "1"))
"""In each mode. More than the suite has time for: RESTYLE_TEST_KILLS=10."""


@pytest.mark.slow
@pytest.mark.timeout(600 + 300 * KILLS)
@pytest.mark.parametrize("frames_option", [("--keep-frames",), ("--frames", "none")], ids=["in frames", "direct"])
def test_killed_runs_end_with_the_frames_of_an_undisturbed_one(
    tmp_path: Path, clip: Path, frames_option: tuple[str, ...]
) -> None:
    shell = Shell(tmp_path)  # with its private server, in the group that is killed
    words: tuple[str | Path, ...] = ("run", clip, "--style", "starry_night", "-o", tmp_path / "out.mp4")
    words += ("--batch-size", "2", *frames_option)
    undisturbed = shell(*words)
    assert undisturbed.returncode == 0, undisturbed.stderr
    frames = _painted(shell)
    moments = random.Random(20)
    for _ in range(KILLS):
        _forget(tmp_path)
        killed = shell.popen(*words)
        _await_batches(shell, killed, moments.randrange(19))
        time.sleep(moments.uniform(0.0, 1.0))
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        recorded = shell.stored("control/jobs")
        resumed = shell(*words)
        assert resumed.returncode == 0, resumed.stderr
        assert _painted(shell) == frames
        after = shell.stored("control/jobs")
        ledger = {name: content for name, content in recorded.items() if "/ledger/" in name}
        log.info("killed with %d of 20 batches recorded", len(ledger))
        assert {name: after[name] for name in ledger} == ledger
    assert not list((tmp_path / "spool").iterdir())


def _await_batches(shell: Shell, running: subprocess.Popen[bytes], count: int) -> None:
    """Wait until so many batches are recorded: start-up takes most of a short run, and kills should meet the work."""
    while running.poll() is None and len(list((shell.home / "control").glob("jobs/*/ledger/*.json"))) < count:
        time.sleep(0.02)


def _forget(home: Path) -> None:
    for folder in ("data", "control"):
        shutil.rmtree(home / folder, ignore_errors=True)


def _painted(shell: Shell) -> dict[str, object]:
    """Stored images, if any, and the hash of every painted frame."""
    images = {name: content for name, content in shell.stored("data/work").items() if "/styled/" in name}
    records = shell.stored("control/jobs").items()
    return images | {name: json.loads(content)["frames"] for name, content in records if "/ledger/" in name}
