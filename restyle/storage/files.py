"""A store in a folder: a local disk, NFS or any mounted share that keeps locks."""

import errno
import logging
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from restyle.errors import AccessDenied, BlobChanged, BlobExists, BlobNotFound, StoreUnavailable
from restyle.storage import partial
from restyle.storage.keys import RESERVED, check_key, check_prefix, is_key
from restyle.storage.local import (
    CHUNK_BYTES,
    check_range,
    chunks,
    explained,
    sync_folder,
    translated,
    whole_file,
    write_all,
)
from restyle.storage.locks import locked, sweep, temporary_file
from restyle.storage.pieces import Pieces, read_pieces
from restyle.storage.protocol import BlobInfo
from restyle.storage.walk import folder_below

# Symbolic links are never followed, a FIFO never blocks, and no child process inherits a descriptor.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_SETTLE_TRIES = 16

log = logging.getLogger(__name__)

Place = Callable[[int, str, int, str], None]
"""Gives a finished temporary file (folder, name) its place in the store (folder, name)."""


class FileStore:
    """Blobs as files below one folder, which is made when the first blob is written.

    A key is a path, walked without following symbolic links. A blob is written in full under ``.restyle/tmp`` and
    takes its place by one rename or link. A folder goes with its last blob. A key that is also a folder ('a' beside
    'a/b') fails here, as on any disk.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._closed: set[str] = set()
        with suppress(OSError), folder_below(self._root, [RESERVED, "tmp"]) as folder:
            sweep(folder)
        partial.sweep_partial(self._root)

    def __repr__(self) -> str:
        return f"FileStore({str(self._root)!r})"

    @property
    def others_write_whole(self) -> bool:
        """A file that is copied here by other means grows before everyone's eyes."""
        return False

    def stat(self, key: str) -> BlobInfo:
        """Size and ETag, the ETag of the version that an open would read."""
        with self._opened(key) as file:
            return _info(key, os.fstat(file.fileno()))

    def read(self, key: str, start: int = 0, size: int | None = None) -> bytes:
        """Bytes of one version, also while others replace the blob."""
        check_range(start, size)
        with self._opened(key) as file, explained(self.url(key)):
            file.seek(start)
            return file.read(-1 if size is None else size)

    def download(self, key: str, target: Path) -> BlobInfo:
        """Copy one version, in chunks, into a file that appears whole or not at all."""
        with self._opened(key) as file, whole_file(target) as write:
            while chunk := file.read(CHUNK_BYTES):
                write(chunk)
            return _info(key, os.fstat(file.fileno()))

    def write(self, key: str, data: bytes | BinaryIO) -> BlobInfo:
        """Put the blob by a rename."""

        def place(temporary: int, aside: str, folder: int, name: str) -> None:
            with locked(self._root, key):
                os.rename(aside, name, src_dir_fd=temporary, dst_dir_fd=folder)

        return self._publish(key, data, place)

    def stage(self, key: str, index: int, piece: bytes) -> None:
        """Write the piece to its place in a partial file of the store's own."""
        with explained(self.url(key)):
            self._root.mkdir(parents=True, exist_ok=True)
        partial.stage(self._root, key, index, piece)

    def staged(self, key: str) -> frozenset[str]:
        """Read the partial file: what cannot be read back as it was sent is not there."""
        return partial.staged(self._root, check_key(key))

    def commit(self, key: str, pieces: Pieces) -> BlobInfo:
        """Read the partial file once more, and give it the blob's name."""
        with explained(self.url(key)):
            self._root.mkdir(parents=True, exist_ok=True)  # for a file of no pieces
        with self._new(key), partial.whole(self._root, key, pieces) as (folder, name, descriptor):
            return self._appear(key, folder, name, descriptor, self._place_new(key))

    def md5(self, key: str) -> str | None:
        """Read the file."""
        with self._opened(key) as file, explained(self.url(key)):
            return read_pieces(file).md5

    def create(self, key: str, data: bytes) -> BlobInfo:
        """Put the blob by a hard link, which fails where a file is; under the key's lock where no links are."""
        with self._new(key):
            return self._publish(key, data, self._place_new(key))

    def replace(self, key: str, data: bytes, etag: str) -> BlobInfo:
        """Compare and rename while the key's lock keeps every other writer out."""

        def place(temporary: int, aside: str, folder: int, name: str) -> None:
            with locked(self._root, key, alone=True):
                self._require(key, etag)
                os.rename(aside, name, src_dir_fd=temporary, dst_dir_fd=folder)

        return self._publish(key, data, place)

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Blobs folder by folder, in key order; what is no regular file, or no key, is left out."""
        check_prefix(prefix)
        return self._below(prefix.rpartition("/")[0], prefix)

    def delete(self, key: str, etag: str | None = None) -> None:
        """Remove the file, and the folders it leaves empty; alone under the key's lock where a version is named."""
        *parents, name = check_key(key).split("/")
        self._require(key, etag)  # also where not even the folder is there
        with (
            explained(self.url(key)),
            suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError),
            folder_below(self._root, parents) as folder,
            locked(self._root, key, alone=etag is not None),
        ):
            self._require(key, etag)
            os.unlink(name, dir_fd=folder)
        with suppress(OSError):
            for depth in range(len(parents), 0, -1):
                with folder_below(self._root, parents[: depth - 1]) as folder:
                    os.rmdir(parents[depth - 1], dir_fd=folder)

    def url(self, key: str) -> str:
        """The file's path."""
        return str(self._root / check_key(key))

    def free_bytes(self) -> int | None:
        """Free on the disk of the folder, or of the nearest one that exists."""
        place = next(p for p in (self._root, *self._root.parents) if p.exists())
        return shutil.disk_usage(place).free

    @contextmanager
    def _new(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise BlobExists(f"{self.url(key)}: there is a blob already; read it, or replace it") from None

    def _place_new(self, key: str) -> Place:
        def place(temporary: int, aside: str, folder: int, name: str) -> None:
            try:
                os.link(aside, name, src_dir_fd=temporary, dst_dir_fd=folder, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                with locked(self._root, key, alone=True):
                    if self._etag(key) is not None:
                        raise FileExistsError(name) from None
                    os.rename(aside, name, src_dir_fd=temporary, dst_dir_fd=folder)

        return place

    def _require(self, key: str, etag: str | None) -> None:
        if etag is not None and self._etag(key) != etag:
            raise BlobChanged(f"{self.url(key)}: another process changed or removed it; read it again")

    def _etag(self, key: str) -> str | None:
        try:
            return self.stat(key).etag
        except BlobNotFound:
            return None

    @contextmanager
    def _opened(self, key: str) -> Iterator[BinaryIO]:
        *parents, name = check_key(key).split("/")
        missing = BlobNotFound(f"{self.url(key)}: no such blob (symbolic links are not followed); check the key")
        try:
            with folder_below(self._root, parents) as folder:
                descriptor = os.open(name, _READ, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise missing from None
            raise translated(error, self.url(key)) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise missing
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def _publish(self, key: str, data: bytes | BinaryIO, place: Place) -> BlobInfo:
        with explained(self.url(key)):
            self._root.mkdir(parents=True, exist_ok=True)
        with temporary_file(self._root) as (temporary, aside, descriptor):
            for chunk in chunks(data):
                with explained(self.url(key)):
                    write_all(descriptor, chunk)
            return self._appear(key, temporary, aside, descriptor, place)

    def _appear(self, key: str, temporary: int, aside: str, descriptor: int, place: Place) -> BlobInfo:
        *parents, name = check_key(key).split("/")
        with explained(self.url(key)):
            # A clock finer than the file system's own tells apart two versions within one of its ticks;
            # microseconds, since some shares keep no more.
            now = time.time_ns() // 1000 * 1000
            os.utime(descriptor, ns=(now, now))
            os.fsync(descriptor)
            self._settle(parents, lambda folder: place(temporary, aside, folder, name))
            return _info(key, os.fstat(descriptor))

    def _settle(self, parents: Sequence[str], place: Callable[[int], None]) -> None:
        for _ in range(_SETTLE_TRIES):
            # Another process may remove an empty folder between its making and its first file.
            with suppress(FileNotFoundError), folder_below(self._root, parents, make=True) as folder:
                place(folder)
                sync_folder(folder)
                return
        raise StoreUnavailable(f"{self._root.joinpath(*parents)}: other processes keep removing this folder; try again")

    def _below(self, folder: str, prefix: str) -> Iterator[BlobInfo]:
        with (
            explained(self._root / folder),
            suppress(FileNotFoundError, NotADirectoryError),
            folder_below(self._root, folder.split("/") if folder else []) as descriptor,
        ):
            for name in sorted(_names(descriptor)):
                key = f"{folder}/{name}" if folder else name
                if not is_key(key.removesuffix("/")):
                    continue
                if name.endswith("/"):
                    if prefix.startswith(key):
                        yield from self._below(key.removesuffix("/"), prefix)
                    elif key.startswith(prefix):
                        yield from self._readable_below(key.removesuffix("/"), prefix)
                elif key.startswith(prefix):
                    with suppress(FileNotFoundError):
                        yield _info(key, os.stat(name, dir_fd=descriptor, follow_symlinks=False))

    def _readable_below(self, folder: str, prefix: str) -> Iterator[BlobInfo]:
        """The same, and nothing of a folder that is closed to us: somebody's one folder hides no others."""
        try:
            yield from self._below(folder, prefix)
        except AccessDenied as error:
            if folder not in self._closed:
                log.warning("left out: %s", error)
            self._closed.add(folder)


def _names(folder: int) -> list[str]:
    """Files and folders in it, these with a '/' at their end, so that sorting them gives the order of their keys."""
    with os.scandir(folder) as entries:
        return [
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        ]


def _info(key: str, status: os.stat_result) -> BlobInfo:
    version = f"{status.st_size:x}-{status.st_mtime_ns:x}"
    return BlobInfo(
        key=key,
        size_bytes=status.st_size,
        etag=f"{version}-{status.st_ino:x}",  # an inode has other numbers on other machines of some shares
        version=version,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
    )
