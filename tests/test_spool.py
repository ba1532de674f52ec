"""The local spool: gone with its run, also when the run is killed, and never another's."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from restyle.spool import SETTLING_S, spool_folder

HOLD = """
import sys, time
from pathlib import Path
from restyle.spool import spool_folder
with spool_folder(Path(sys.argv[1])) as folder:
    (folder / "image").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_a_spool_folder_goes_with_its_run_whatever_ends_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), spool_folder(tmp_path) as folder:
        (folder / "image").write_bytes(b"x")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_killed_run_s_folder_goes_with_the_next_and_a_living_one_s_stays(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    folders = [Path(run.stdout.readline().strip()) for run in runs if run.stdout]
    killed, living = runs
    try:
        killed.kill()
        killed.wait()
        old = time.time() - 2 * SETTLING_S
        for lock in tmp_path.glob("*.lock"):
            os.utime(lock, (old, old))
        with spool_folder(tmp_path):
            assert not folders[0].exists()
            assert (folders[1] / "image").exists()
    finally:
        living.kill()
        for run in runs:
            run.wait()
            assert run.stdout
            run.stdout.close()
