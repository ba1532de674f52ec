"""A local file into a store, piece by piece: an upload that was interrupted sends only what the store has not kept."""

import os
from pathlib import Path

from restyle.errors import AccessDenied, BlobNotFound, KeyTaken, NothingToMove, SourceChanged, StoreUnavailable
from restyle.moving import ROUNDS, move_pieces
from restyle.progress import step
from restyle.room import require_room
from restyle.storage import Store
from restyle.storage.pieces import MOST_PIECES, PIECE_BYTES, Pieces, piece_name, piece_range, read_pieces


def upload(store: Store, file: Path, key: str) -> None:
    """Put a file under a key, where it appears whole or not at all; nothing is sent where it is already.

    A piece that the store kept is known by its content, so it is never one of another file. Raises KeyTaken where
    another file has the key, SourceChanged for a file that is still being written, and what the store raises.
    """
    require_file(file)
    with file.open("rb") as stream:
        step(f"reading {file.name}")
        pieces = read_pieces(stream)
    if _is_there(store, key, pieces):
        step(f"{key} is there already")
        return
    if pieces.size_bytes < PIECE_BYTES:  # in one request, for which the right to create suffices
        store.create(key, _piece(file, pieces, 0) if pieces.names else b"")
        return
    for tries_left in reversed(range(ROUNDS)):
        _send(store, file, key, pieces)
        try:
            store.commit(key, pieces)
            return
        except StoreUnavailable:
            if not tries_left:
                raise


def require_file(file: Path) -> None:
    """Raises NothingToMove for what is no file, cannot be read, or is larger than a blob can be."""
    if not file.is_file():
        raise NothingToMove(f"{file}: {'no file; name the files in it' if file.is_dir() else 'no such file'}")
    if not os.access(file, os.R_OK):
        raise NothingToMove(f"{file}: this user may not read it; change its rights")
    if file.stat().st_size > MOST_PIECES * PIECE_BYTES:
        raise NothingToMove(f"{file}: larger than {MOST_PIECES * PIECE_BYTES >> 30} GiB, the limit; cut it first")


def _is_there(store: Store, key: str, pieces: Pieces) -> bool:
    """Whether the key has this very content. Raises KeyTaken for any other."""
    try:
        if store.stat(key).size_bytes == pieces.size_bytes and store.md5(key) == pieces.md5:
            return True
    except BlobNotFound:
        return False
    except AccessDenied:
        return False  # who may only create cannot look: the store itself refuses to replace anything
    raise KeyTaken(f"data:{key}: another file is there, which an upload never replaces; choose another key with --to")


def _send(store: Store, file: Path, key: str, pieces: Pieces) -> None:
    try:
        kept = store.staged(key)
    except AccessDenied:
        kept = frozenset()
    missing = [index for index, name in enumerate(pieces.names) if name not in kept]
    require_room(store, len(missing) * PIECE_BYTES, file.name)
    move_pieces(
        f"uploading {file.name}",
        pieces.size_bytes,
        missing,
        lambda index: store.stage(key, index, _piece(file, pieces, index)),
    )


def _piece(file: Path, pieces: Pieces, index: int) -> bytes:
    """A piece as it was when the file was read whole. Raises SourceChanged."""
    start, size = piece_range(index, pieces.size_bytes)
    with file.open("rb") as stream:
        stream.seek(start)
        piece = stream.read(size)
    if piece_name(index, piece) != pieces.names[index]:
        raise SourceChanged(f"{file}: changed while it was uploaded; run the same command when it is whole")
    return piece
