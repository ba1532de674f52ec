"""Reaching a folder of a file store step by step, so that no symbolic link below its root leads out of it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from restyle.storage.local import sync_folder

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def folder_below(root: Path, segments: Sequence[str], make: bool = False) -> Iterator[int]:
    """A descriptor of a folder below the root, made on the way if wished.

    Raises FileNotFoundError, and NotADirectoryError where a file or a link stands in the way.
    """
    descriptor = os.open(root, _FOLDER)
    try:
        for segment in segments:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(segment, dir_fd=descriptor)
                    sync_folder(descriptor)
            below = os.open(segment, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
