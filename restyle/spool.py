"""The local spool of a run: decoded frames on their way to the store, bounded, and gone with the run."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from restyle.domain import FrameFormat, FrameRange
from restyle.images import Pixels, encode_image
from restyle.layout import frames, image_name
from restyle.prefetch import prefetch
from restyle.room import named_when_full
from restyle.storage import Store

CODING_THREADS = max(2, (os.cpu_count() or 2) // 2)
UPLOAD_THREADS = 8
SETTLING_S = 1.0


@contextmanager
def spool_folder(home: Path) -> Iterator[Path]:
    """A folder of this run under `home`, removed at the end; those that killed runs left behind go now.

    A living run holds the lock of its folder's file, also where `home` is shared by several machines.
    """
    home.mkdir(parents=True, exist_ok=True)
    for lock in home.glob("*.lock"):
        _sweep(lock)
    descriptor, name = tempfile.mkstemp(prefix="run-", suffix=".lock", dir=home)
    folder = Path(name).with_suffix("")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(name).unlink(missing_ok=True)
        os.close(descriptor)


def _sweep(lock: Path) -> None:
    """Remove a spool folder unless its run lives."""
    with suppress(FileNotFoundError, BlockingIOError), lock.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - lock.stat().st_mtime > SETTLING_S:  # a run that just begins has not locked yet
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink()


def split_range(pictures: Iterable[Pixels], span: FrameRange, image: FrameFormat, folder: Path) -> int:
    """Write the frames of a range as image files; returns their size in bytes."""
    with named_when_full(folder):
        folder.mkdir(exist_ok=True)
    names = [folder / image_name(i, image) for i in range(span.start, span.stop)]
    total = 0
    with ThreadPoolExecutor(CODING_THREADS) as pool:
        images = prefetch(pool, lambda p: encode_image(p, image), pictures, ahead=2 * CODING_THREADS)
        for path, content in zip(names, images, strict=True):
            with named_when_full(folder):
                path.write_bytes(content)
            total += len(content)
    return total


def upload_range(data: Store, job_id: str, folder: Path) -> None:
    """Upload a range's image files and delete them here."""

    def upload(path: Path) -> None:
        data.write(frames(job_id) + path.name, path.read_bytes())
        path.unlink()

    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        for _ in prefetch(pool, upload, sorted(folder.iterdir()), ahead=2 * UPLOAD_THREADS):
            pass
    folder.rmdir()
