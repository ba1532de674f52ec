"""The pieces in which a large file comes into a store, each named by its place and its content."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import BinaryIO

from restyle.domain import Frozen
from restyle.storage.local import chunks

PIECE_BYTES = 8 << 20
MOST_PIECES = 50_000  # of one blob on Azure: 390 GiB


class Pieces(Frozen):
    """The pieces of a file, in order, and the proof of the whole."""

    names: tuple[str, ...]
    size_bytes: int
    md5: str


def piece_name(index: int, piece: bytes) -> str:
    """32 characters: the piece's place and 156 bits of its SHA-256, so that no other piece has this name.

    Azure wants the names of a blob's blocks equally long; 32 is the length of those that AzureStore makes up.
    """
    return f"{index:06d}{urlsafe_b64encode(hashlib.sha256(piece).digest()).decode()[:26]}"


def piece_names(stream: BinaryIO) -> Iterator[str]:
    """The name of every piece from where the stream stands."""
    return (piece_name(index, piece) for index, piece in enumerate(chunks(stream, PIECE_BYTES)))


def read_pieces(stream: BinaryIO) -> Pieces:
    """Read a stream to its end, a piece at a time."""
    names, size, whole = [], 0, hashlib.md5(usedforsecurity=False)  # what blob stores keep beside a blob
    for index, piece in enumerate(chunks(stream, PIECE_BYTES)):
        names.append(piece_name(index, piece))
        whole.update(piece)
        size += len(piece)
    return Pieces(names=tuple(names), size_bytes=size, md5=whole.hexdigest())


def piece_range(index: int, size_bytes: int) -> tuple[int, int]:
    """Where a piece of a blob of this size begins, and how many bytes it has."""
    start = index * PIECE_BYTES
    return start, min(PIECE_BYTES, size_bytes - start)
