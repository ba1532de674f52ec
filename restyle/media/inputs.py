"""What ffmpeg may read: files of our own making, and one untrusted file that it is handed open."""

from pathlib import Path
from typing import Any

import ffmpeg

from restyle.media.limits import DEMUXERS

# A track may begin minutes into a broadcast, and nothing is known of it before: how far ffmpeg looks ahead for it.
_PATIENCE = {"probesize": 200_000_000, "analyzeduration": 600_000_000}  # bytes, microseconds

_OURS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"  # the containers we write: no playlist, no script

Spec = Any  # a node of ffmpeg-python, which has no types


def own_input(path: Path, **options: Any) -> Spec:  # Any: whatever an ffmpeg option can be
    """A file that we wrote, as an ffmpeg input; others may have replaced one that lay in the data store since."""
    return ffmpeg.input(f"file:{path}", protocol_whitelist="file", format_whitelist=_OURS, **options)


def untrusted_input(**options: Any) -> Spec:
    """The file that Ffmpeg was given as `source`, as an ffmpeg input: its name is never seen, nor any it mentions."""
    return ffmpeg.input("fd:", protocol_whitelist="fd", format_whitelist=",".join(DEMUXERS), **_PATIENCE, **options)
