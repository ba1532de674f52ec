"""Blobs on their way into a file store piece by piece: each has a partial file there that outlives its sender."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from restyle.errors import StoreUnavailable
from restyle.storage.keys import RESERVED
from restyle.storage.local import explained, write_all_at
from restyle.storage.locks import sweep, take
from restyle.storage.pieces import PIECE_BYTES, Pieces, piece_names
from restyle.storage.walk import folder_below

KEPT_S = 7 * 86400.0  # as Azure keeps blocks that nobody makes a blob of
_PLACE = (RESERVED, "staged")
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def stage(root: Path, key: str, index: int, piece: bytes) -> None:
    """Write one piece to its place."""
    with _partial(root, key, alone=False) as (_, _, descriptor), explained(root / key):
        write_all_at(descriptor, piece, index * PIECE_BYTES)


def staged(root: Path, key: str) -> frozenset[str]:
    """The names of the pieces that are there, by what the disk gives back of them."""
    try:
        with folder_below(root, _PLACE) as folder:
            descriptor = os.open(_name(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    with explained(root / key), os.fdopen(descriptor, "rb") as file:
        return frozenset(piece_names(file))


@contextmanager
def whole(root: Path, key: str, pieces: Pieces) -> Iterator[tuple[int, str, int]]:
    """The partial file (folder, name, descriptor), proven to be these pieces; gone when the block ends well.

    Nobody writes to it meanwhile. Raises StoreUnavailable where pieces are missing or damaged: stage those again.
    """
    with _partial(root, key, alone=True) as (folder, name, descriptor):
        with explained(root / key):
            os.ftruncate(descriptor, pieces.size_bytes)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                file.seek(0)
                found = tuple(piece_names(file))
        if found != pieces.names:
            bad = sum(1 for name, wanted in zip(found, pieces.names, strict=True) if name != wanted)
            raise StoreUnavailable(
                f"{root / key}: {bad} of {len(pieces.names)} pieces are missing or damaged; try again"
            )
        yield folder, name, descriptor
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def sweep_partial(root: Path) -> None:
    """Remove what was begun a week ago and not gone on with."""
    with suppress(OSError), folder_below(root, _PLACE) as folder:
        sweep(folder, KEPT_S)


def _name(key: str) -> str:
    return f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.part"


@contextmanager
def _partial(root: Path, key: str, alone: bool) -> Iterator[tuple[int, str, int]]:
    name = _name(key)
    with explained(root / key), folder_below(root, _PLACE, make=True) as folder:
        while True:
            descriptor = os.open(name, _OPEN, 0o666, dir_fd=folder)
            try:
                take(descriptor, alone, root / key)
                if _is(descriptor, name, folder):
                    yield folder, name, descriptor
                    return
            finally:
                os.close(descriptor)


def _is(descriptor: int, name: str, folder: int) -> bool:
    """Whether the file still has its name: another sender may have made it a blob before our lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return False
