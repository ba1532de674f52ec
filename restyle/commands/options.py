"""From parsed options to what the library works with: a look, a place to write to."""

import argparse
import tempfile
from pathlib import Path
from typing import Literal

from flows.request import BLOB
from restyle.domain import FrameFormat
from restyle.errors import BlobNotFound, UnsupportedMedia, UnsupportedOutput
from restyle.job import Look
from restyle.room import download_video
from tasks.stores import open_stores


def look_of(options: argparse.Namespace, frames: FrameFormat | Literal["none"] = "jpeg") -> Look:
    """The look that the options of ``add_look`` ask for."""
    return Look(
        strength=options.strength,
        keep_color=options.keep_color,
        stroke=options.stroke,
        max_side=options.max_side,
        frames=frames,
        smooth=getattr(options, "smooth", 0.0),  # shows only in motion: a preview has none
    )


def video_at(video: str, folder: Path) -> Path:
    """The local file of a video; one of the data store is fetched into the folder. Raises UnsupportedMedia."""
    if not video.startswith(BLOB):
        return Path(video)
    key = video.removeprefix(BLOB)
    target = folder / key.rpartition("/")[2]
    try:
        download_video(open_stores().data, key, target)
    except BlobNotFound as error:
        raise UnsupportedMedia(f"{video}: the data store has no such blob; check the key") from error
    return target


def writable(target: Path, example: str, option: str = "-o") -> Path:
    """The absolute path of a file to be written. Raises UnsupportedOutput for a place that cannot be."""
    target = target.absolute()
    try:
        if target.is_dir():
            raise UnsupportedOutput(f"{target} is a folder; name a file in it, such as {target / example}")
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise UnsupportedOutput(
            f"{target} cannot be written ({error.strerror}); choose another place with {option}"
        ) from error
    return target
