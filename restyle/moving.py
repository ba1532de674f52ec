"""Several pieces of a file on their way at once, and how far they are."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from restyle.progress import often, step
from restyle.storage.pieces import piece_range

THREADS = 8
"""Pieces on their way at once, each of them in memory."""
ROUNDS = 3
"""Times that pieces which turn out to be missing or damaged are moved again."""


def move_pieces(words: str, size_bytes: int, missing: Sequence[int], move: Callable[[int], None]) -> None:
    """Call `move` for the number of each missing piece of a file of this size, several at a time; tell how far it is.

    The first failure stops the others; those under way end first.
    """
    sizes = {index: piece_range(index, size_bytes)[1] for index in missing}
    done = size_bytes - sum(sizes.values())
    step(f"{words}: {_megabytes(done)} of {_megabytes(size_bytes)} MB are there")
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pieces")
    try:
        moving = {pool.submit(move, index): index for index in missing}
        for moved in as_completed(moving):
            moved.result()
            done += sizes[moving[moved]]
            often(f"{words}: {_megabytes(done)} of {_megabytes(size_bytes)} MB")
    finally:
        pool.shutdown(cancel_futures=True)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f}"
