"""Disk: what a run needs before it begins, and what is said when a disk fills up."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restyle.domain import FrameFormat
from restyle.errors import DiskFull, NotEnoughDisk, SourceChanged, UnsupportedMedia
from restyle.job import VideoSource
from restyle.media import limits
from restyle.plan import Plan
from restyle.storage import BlobInfo, Store

IMAGE_BYTES_PER_PIXEL: dict[FrameFormat, float] = {"jpeg": 0.75, "png": 2.2}
"""Of a busy, painted frame at 640x360 (measured: JPEG quality 95 0.6-0.7, PNG 2.0-2.2); source frames take less."""
SPOOLED_FRAMES = 100
"""Frames that may lie in the local spool at once, generously."""
OUTPUT_SHARE = 0.1
"""The output video and its parts, as a share of the images: generous at default quality."""


def require_room(store: Store, needed_bytes: float, what: str) -> None:
    """Raises NotEnoughDisk where the store has less than needed_bytes left, before anything is written to it."""
    free = store.free_bytes()
    if free is not None:
        _require(free, needed_bytes, store.url("runs"), what)


def require_disk(folder: Path, needed_bytes: float, what: str) -> None:
    """Raises NotEnoughDisk where the disk of a local folder has less than needed_bytes left."""
    _require(shutil.disk_usage(folder).free, needed_bytes, str(folder), what)


def require_room_for_frames(data: Store, spool: Path, plan: Plan, missing: int) -> None:
    """Raises NotEnoughDisk where the output and the images of `missing` frames cannot fit, before any is made."""
    image = plan.width * plan.height * IMAGE_BYTES_PER_PIXEL[plan.job.look.image]
    output = 3 * plan.frame_count * image * OUTPUT_SHARE  # its segments, its pictures joined, and itself
    stored = 0 if plan.job.look.direct else missing
    require_room(data, 2 * stored * image + output, "the frames of this video, source and painted,")
    require_disk(spool, min(SPOOLED_FRAMES, stored) * image + output, "the frames on their way and the output")


def download_video(data: Store, key: str, target: Path) -> BlobInfo:
    """Download what is meant to be a video. Raises UnsupportedMedia for one above the limit, and BlobNotFound."""
    size_bytes = data.stat(key).size_bytes
    if size_bytes > limits.MAX_FILE_BYTES:
        raise UnsupportedMedia(f"{key}: {size_bytes} bytes, the limit is {limits.MAX_FILE_BYTES}; cut it first")
    require_disk(target.parent, size_bytes, "a local copy of the video")
    return data.download(key, target)


def fetch(data: Store, video: VideoSource, folder: Path) -> Path:
    """A local copy of a video that only the store has. Raises UnsupportedMedia for one above the limit."""
    (folder / "source").mkdir()  # a folder of its own: the name is the user's
    target = folder / "source" / video.name
    blob = download_video(data, video.key, target)
    if video.identity.startswith("etag:") and video.identity != f"etag:{blob.etag}":
        raise SourceChanged(f"{video.key}: changed while the run began; run the same command again")
    return target


@contextmanager
def named_when_full(place: Path) -> Iterator[None]:
    """Turn 'no space left' while writing below `place` into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(f"{place}: the disk is full; free some room and run the same command again") from error


def _require(free_bytes: int, needed_bytes: float, place: str, what: str) -> None:
    if free_bytes < needed_bytes:
        raise NotEnoughDisk(
            f"{place}: {free_bytes / 1e6:.0f} MB free, {what} need about {needed_bytes / 1e6:.0f} MB; "
            "free some room, lower --max-side, or set RESTYLE_HOME and the stores to a larger disk"
        )
