"""What processes sharing a file store agree by: locks that end with their holder, and temporary files it held."""

import fcntl
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from restyle.errors import StoreUnavailable
from restyle.storage.keys import RESERVED
from restyle.storage.local import explained
from restyle.storage.walk import folder_below

WAIT_S = 60.0
_NEW = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def locked(root: Path, key: str, alone: bool = False) -> Iterator[None]:
    """Hold the lock of a key (and of 1/256 of the others), together with others or alone.

    Raises StoreUnavailable when it is not free in time.
    """
    shard = hashlib.sha256(key.encode()).hexdigest()[:2]
    with folder_below(root, [RESERVED, "locks"], make=True) as folder:
        descriptor = os.open(shard, _NEW, 0o666, dir_fd=folder)
    try:
        take(descriptor, alone, root / key)
        yield
    finally:
        os.close(descriptor)


def take(descriptor: int, alone: bool, place: Path) -> None:
    """Lock an open file until it is closed. Raises StoreUnavailable when it is not free in time."""
    deadline = time.monotonic() + WAIT_S
    while not _taken(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            raise StoreUnavailable(f"{place}: locked by another process for {WAIT_S:g} s; end that process")
        time.sleep(0.005)


@contextmanager
def temporary_file(root: Path) -> Iterator[tuple[int, str, int]]:
    """A new file in the store's own folder (folder, name, descriptor), gone at the end unless it was renamed.

    Its lock tells ``sweep`` that its writer lives.
    """
    with explained(root):
        folder, name, descriptor = _claim(root)
    try:
        yield folder, name, descriptor
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.close(descriptor)
        os.close(folder)


def sweep(folder: int, idle_s: float = 0.0) -> None:
    """Remove the temporary files whose writers were killed, and wrote nothing for so long."""
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                old = not idle_s or time.time() - os.fstat(descriptor).st_mtime >= idle_s
                if old and _taken(descriptor, fcntl.LOCK_EX):
                    os.unlink(name, dir_fd=folder)
            finally:
                os.close(descriptor)


def _claim(root: Path) -> tuple[int, str, int]:
    with folder_below(root, [RESERVED, "tmp"], make=True) as below:
        folder = os.dup(below)
    while True:
        name = uuid.uuid4().hex
        descriptor = os.open(name, _NEW | os.O_EXCL, 0o666, dir_fd=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return folder, name, descriptor
        os.close(descriptor)  # swept away between its making and its lock


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
