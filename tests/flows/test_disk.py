"""A disk that is too full to begin, and one that fills up during the run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def on_small_disk(tmp_path: Path, server: str, *words: str | Path) -> list[tuple[int, str]]:
    """Exit code and standard error of each run on a disk of its own."""
    namespace = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("left out: a disk of its own needs Linux with user namespaces (unshare --map-root-user --mount)")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [*namespace, sys.executable, "-m", "tests.flows.small_disk", folder, *words]
    environment = {**os.environ, "PREFECT_API_URL": server, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return [(code, said) for code, said in json.loads(done.stdout)]


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", ["300", "3700"])  # too little for the weights, and for the frames
def test_a_disk_too_full_to_begin_is_refused_with_what_is_needed(
    tmp_path: Path, server: str, clip: Path, kilobytes: str
) -> None:
    ((code, said),) = on_small_disk(tmp_path, server, kilobytes, "empty", clip)
    assert code == 2, said
    assert "MB free" in said
    assert "need about" in said


@pytest.mark.slow
def test_a_disk_that_fills_up_fails_the_run_and_the_same_command_goes_on(
    tmp_path: Path, server: str, clip: Path
) -> None:
    (first, said), (second, more) = on_small_disk(tmp_path, server, "9000", "filled", clip)
    assert first == 1, said
    assert "no space left" in said or "disk is full" in said
    assert "To go on: restyle run" in said
    assert second == 0, more
