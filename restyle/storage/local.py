"""Local files for both stores: errors of the operating system explained, files that appear whole or not at all."""

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from restyle.errors import AccessDenied, StorageError, StoreUnavailable

CHUNK_BYTES = 1 << 20

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# What a network file system says while its server is away: worth another try.
_AWAY = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH})
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY})


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Turn an OSError on this path into our error; one of a missing or an existing file passes as it is."""
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as error:
        raise translated(error, path) from error


def translated(error: OSError, path: Path | str) -> StorageError:
    """The error of ours that says what an OSError on this path means and what to do."""
    if error.errno in _FULL:
        return StorageError(f"{path}: no space left on its disk; free some, or name a store on a larger one")
    if error.errno in _REFUSED:
        return AccessDenied(f"{path}: {error.strerror}; give this user the right to read and write there")
    if error.errno in _AWAY:
        return StoreUnavailable(f"{path}: {error.strerror}; is the disk or share behind it in order?")
    if error.errno in _IN_THE_WAY:
        return StorageError(f"{path}: a file, folder or symbolic link stands in the way ({error.strerror}); remove it")
    return StorageError(f"{path}: {error.strerror or error}; check the disk or share behind it")


@contextmanager
def whole_file(target: Path) -> Iterator[Callable[[bytes], None]]:
    """A function that writes; what it wrote appears at ``target`` when the block ends well, and else nothing does."""
    aside = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with explained(target), aside.open("xb", buffering=0) as file:

            def write(data: bytes) -> None:
                with explained(target):
                    write_all(file.fileno(), data)

            yield write
            aside.replace(target)
    except FileNotFoundError as error:
        raise StorageError(f"{target}: its folder does not exist; create it first") from error
    finally:
        aside.unlink(missing_ok=True)


def chunks(data: bytes | BinaryIO, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The data in pieces of ``size`` bytes, the last one shorter; a stream may give less at each of its reads."""
    if isinstance(data, bytes):
        yield from (data[start : start + size] for start in range(0, len(data), size))
        return
    while piece := _filled(data, size):
        yield piece
        if len(piece) < size:
            return


def _filled(stream: BinaryIO, size: int) -> bytes:
    parts, missing = [], size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; one call of the system may take fewer."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_all_at(descriptor: int, data: bytes, start: int) -> None:
    """Write every byte from this place of the file on."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, start)
        view, start = view[written:], start + written


def sync_folder(descriptor: int) -> None:
    """Make a folder's entries survive a loss of power, where its file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise


def check_range(start: int, size: int | None) -> None:
    """Raises ValueError for a range that cannot be read: a mistake of the caller."""
    if start < 0 or (size is not None and size < 0):
        raise ValueError(f"range start {start}, size {size}: neither can be negative")
