"""Broken in many ways while it paints, restyle keeps its promises: `restyle chaos` as a user runs it, short."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from restyle.azurite import VERSION, install
from tests.azurite import FOLDER

FAULTS = os.environ.get("RESTYLE_TEST_FAULTS", "1")
"""At least: one round of several, which takes minutes."""
SEED = os.environ.get("RESTYLE_TEST_SEED", "3")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_is_lost_doubled_or_left_behind_whatever_breaks(tmp_path: Path) -> None:
    (tmp_path / "azurite").mkdir()
    (tmp_path / "azurite" / VERSION).symlink_to(install(FOLDER).parents[5])  # so that it is not fetched again
    report = tmp_path / "verdict.json"
    words = ["chaos", "--faults", FAULTS, "--seed", SEED, "--report", str(report)]
    environment = {**os.environ, "RESTYLE_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "restyle.cli", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    verdict = json.loads(report.read_text())
    assert verdict["broken"] == []
    assert sum(verdict["faults"].values()) >= int(FAULTS)
    assert verdict["by_itself"] + verdict["by_retry"] == verdict["videos"] - 1
    assert f"{sum(verdict['faults'].values())} faults" in ended.stdout
