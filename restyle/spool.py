"""The local spool of a run: decoded frames on their way to the store, bounded, and gone with the run."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from restyle.domain import FrameFormat, FrameRange
from restyle.images import Pixels, encode_image
from restyle.layout import frames, image_name
from restyle.prefetch import prefetch
from restyle.room import named_when_full
from restyle.storage import Store

CODING_THREADS = max(2, (os.cpu_count() or 2) // 2)
UPLOAD_THREADS = 8


@contextmanager
def spool_folder(home: Path) -> Iterator[Path]:
    """A folder of this process under `home`, removed at the end; those of processes that were killed go now."""
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob("*-*"):
        if not Path(f"/proc/{left.name.partition('-')[0]}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=home) as folder:
        yield Path(folder)


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
