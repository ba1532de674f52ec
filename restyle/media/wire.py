"""The messages between restyle and its decoder process: what both sides must agree on, byte for byte."""

import json
import struct
from typing import Any, NamedTuple

# kind, frame number, time stamp in ticks, checksum of the coded frame, bytes that follow
HEADER = struct.Struct("!cqqIQ")

FRAME = b"F"  # the pixels of one frame, rows of RGB
PROGRESS = b"P"  # still alive: so many frames are decoded
END = b"E"  # the video ended after so many frames
RESULT = b"R"  # JSON: what a probe found
REFUSED = b"U"  # JSON text: why this file cannot be used
FAILED = b"X"  # JSON text: what went wrong with a file that should work


class Header(NamedTuple):
    """The fixed part of a message."""

    kind: bytes
    frame: int
    pts: int
    checksum: int
    size: int


class Recipe(NamedTuple):
    """How a decoder process turns coded frames into upright RGB; all it is told besides the file."""

    stream_index: int
    threads: int
    first_pts: int
    width: int  # of the picture before it is made upright
    height: int
    transpose: bool
    flip_x: bool
    flip_y: bool
    sws_matrix: int  # swscale's number; 0 for RGB
    full_range: bool
    deinterlace: bool
    left_chroma: bool  # the codec does not say that its chroma sits on the left column of each pair
    hdr_transfer: str | None  # smpte2084 or arib-std-b67: to be tone-mapped
    hdr_primaries: str
    peak_nits: int
    checked: bool  # checksums come with the frames


def pack(kind: bytes, frame: int = 0, pts: int = 0, checksum: int = 0, size: int = 0) -> bytes:
    """The header of a message whose payload has size bytes."""
    return HEADER.pack(kind, frame, pts, checksum, size)


def unpack(data: bytes | bytearray | memoryview) -> Header:
    """The header in HEADER.size bytes."""
    return Header(*HEADER.unpack(data))


def to_json(value: Any) -> bytes:  # Any: whatever JSON can hold
    """value as compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
