"""A blob into a local file, piece by piece: a download that was interrupted fetches only what is not there yet.

Beside the file grow a part and its journal: which version of which blob it is, and each piece's name as it came. What
is there counts when the journal is of this version and the disk gives back the piece that the journal names.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restyle.errors import BlobChanged, BlobNotFound, NothingToMove, StorageError, UnsupportedOutput
from restyle.moving import ROUNDS, move_pieces
from restyle.progress import step
from restyle.room import require_disk
from restyle.storage import BlobInfo, Store
from restyle.storage.local import explained, write_all_at
from restyle.storage.pieces import PIECE_BYTES, Pieces, piece_name, piece_range, read_pieces

_NEW = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def download(store: Store, key: str, target: Path) -> None:
    """Fetch a blob into a file, which appears whole or not at all; nothing is fetched where it is already.

    Raises NothingToMove for a key that the store does not have, BlobChanged for a blob that was replaced meanwhile,
    UnsupportedOutput where another process downloads into the same file, and what the store raises.
    """
    try:
        blob, md5 = store.stat(key), store.md5(key)
    except BlobNotFound as error:
        raise NothingToMove(f"data:{key}: the data store has no such blob; check the key") from error
    if md5 and target.is_file() and target.stat().st_size == blob.size_bytes and _read(target).md5 == md5:
        step(f"{target.name} is there already")
        return
    with explained(target), _part_of(target) as part:
        part.begin(f"{store.url(key)} {blob.etag} {blob.size_bytes}")
        came = _fetch(store, blob, part)
        if store.stat(key).etag != blob.etag:
            raise BlobChanged(f"data:{key}: was replaced while it was downloaded; run the same command again")
        if md5 not in (None, came.md5):
            part.forget()
            raise StorageError(
                f"data:{key}: what came has not the MD5 that the store names; run the same command again"
            )
        part.become(target)


def _fetch(store: Store, blob: BlobInfo, part: "_Part") -> Pieces:
    """The pieces as the disk gives them back, once none is missing."""
    for _ in range(ROUNDS + 1):
        there = _read(part.file)
        kept = part.journal()
        count = -(-blob.size_bytes // PIECE_BYTES)
        missing = [n for n in range(count) if n >= len(there.names) or there.names[n] not in kept]
        if not missing:
            return there
        require_disk(part.file.parent, len(missing) * PIECE_BYTES, "what is to be downloaded")

        def fetch(index: int) -> None:
            start, size = piece_range(index, blob.size_bytes)
            part.add(index, start, store.read(blob.key, start, size))

        move_pieces(f"downloading {blob.key}", blob.size_bytes, missing, fetch)
    raise StorageError(f"{part.file}: the disk does not give back what was written to it; check it")


def _read(file: Path) -> Pieces:
    with file.open("rb") as stream:
        return read_pieces(stream)


class _Part:
    """The growing file beside the target, and its journal, whose lock keeps other processes away."""

    def __init__(self, file: Path, data: int, journal: int) -> None:
        self.file = file
        self._data, self._journal = data, journal

    def begin(self, version: str) -> None:
        """Go on with what is there of this version; of another, it goes."""
        if self._lines()[0] != version:
            self.forget()
            os.write(self._journal, version.encode())

    def forget(self) -> None:
        """Begin anew."""
        os.ftruncate(self._journal, 0)
        os.ftruncate(self._data, 0)

    def journal(self) -> frozenset[str]:
        """The names of the pieces that came."""
        return frozenset(self._lines()[1:])

    def add(self, index: int, start: int, piece: bytes) -> None:
        """Write a piece, then its name; a kill between or within them leaves a piece that does not count."""
        write_all_at(self._data, piece, start)
        os.write(self._journal, f"\n{piece_name(index, piece)}".encode())

    def become(self, target: Path) -> None:
        """Take the target's name."""
        os.fsync(self._data)
        self.file.replace(target)
        self.file.with_suffix(".journal").unlink()

    def _lines(self) -> list[str]:
        return os.pread(self._journal, os.fstat(self._journal).st_size, 0).decode(errors="replace").split("\n")


@contextmanager
def _part_of(target: Path) -> Iterator[_Part]:
    name = hashlib.sha256(target.name.encode()).hexdigest()[:16]  # the target's own may be too long to be added to
    file = target.with_name(f".restyle-{name}.part")
    with (
        os.fdopen(_locked_journal(file.with_suffix(".journal"), target), "rb") as journal,
        os.fdopen(os.open(file, _NEW, 0o666), "rb") as data,
    ):
        yield _Part(file, data.fileno(), journal.fileno())


def _locked_journal(file: Path, target: Path) -> int:
    while True:
        journal = os.open(file, _NEW | os.O_APPEND, 0o666)
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(journal)
            raise UnsupportedOutput(f"{target}: another download into it goes on; wait for its end") from None
        if os.fstat(journal).st_nlink:
            return journal
        os.close(journal)  # another download ended, and removed it, between its opening and its lock
