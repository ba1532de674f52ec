"""Who is at work in this RESTYLE_HOME, at which run and at which job: known by locks that end with their process."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple
from uuid import UUID

FOLDER, JOBS = "running", "jobs"
NEW = ".new"


class Attempt(NamedTuple):
    """One try at a run: the first is 1, each retry is one more."""

    run: UUID
    number: int


@contextmanager
def present(home: Path, attempt: Attempt) -> Iterator[None]:
    """Show, until the context or the process ends, that this process works at the attempt."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{attempt.run}.{attempt.number}"
    new = path.with_name(f"{path.name}{NEW}")
    with new.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(path)  # never to be seen unlocked
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def abandoned(home: Path) -> list[Attempt]:
    """Attempts whose process ended without a word: no other process, on this machine or elsewhere, is named here."""
    found = []
    for path in sorted((home / FOLDER).glob("*.*")):
        if path.suffix != NEW and not _is_locked(path):
            run, number = path.name.split(".")
            found.append(Attempt(UUID(run), int(number)))
    return found


def forget(home: Path, attempt: Attempt) -> None:
    """Take an attempt off the list of the abandoned."""
    (home / FOLDER / f"{attempt.run}.{attempt.number}").unlink(missing_ok=True)


@contextmanager
def at_job(home: Path, job_id: str) -> Iterator[Callable[[], bool]]:
    """Show that this process works at a job; gives a function that tells whether nobody else does.

    Where it says so, others wait to begin until the context ends; of some that end at once, one is told so.
    """
    folder = home / JOBS
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{job_id}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield lambda: _alone(file)


def _alone(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the shared lock is let go first
    except BlockingIOError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:  # it ended well in the meantime
        return True
    except BlockingIOError:
        return True
    return False
