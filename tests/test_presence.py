"""Who is at work is known by locks that end with their process."""

import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

from restyle.presence import Attempt, abandoned, at_job, forget, present

STAY = """
import sys, time
from pathlib import Path
from uuid import UUID
from restyle.presence import Attempt, present
with present(Path(sys.argv[1]), Attempt(UUID(sys.argv[2]), 2)):
    print("here", flush=True)
    time.sleep(600)
"""


def test_only_an_attempt_whose_process_was_killed_is_abandoned(tmp_path: Path) -> None:
    assert abandoned(tmp_path) == []
    killed, mine = Attempt(uuid4(), 2), Attempt(uuid4(), 1)
    command = [sys.executable, "-c", STAY, str(tmp_path), str(killed.run)]
    with present(tmp_path, mine), subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        assert abandoned(tmp_path) == []
        process.kill()
        process.wait()
        assert abandoned(tmp_path) == [killed]
        forget(tmp_path, killed)
        assert abandoned(tmp_path) == []
    assert not list((tmp_path / "running").iterdir())


def test_the_last_of_those_at_a_job_is_told_so_and_keeps_others_waiting(tmp_path: Path) -> None:
    begun = Event()

    def late() -> None:
        with at_job(tmp_path, "j"):
            begun.set()

    with at_job(tmp_path, "other"), at_job(tmp_path, "j") as last:
        with at_job(tmp_path, "j") as first:
            assert not first()
        assert last()
        waiting = Thread(target=late)
        waiting.start()
        assert not begun.wait(0.3)
    waiting.join(10)
    assert begun.is_set()
