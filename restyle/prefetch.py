"""A bounded look-ahead over a thread pool: what keeps slow stores from stopping fast loops, and memory small."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Results of work(item) in order, with at most `ahead` of them begun and not yet taken."""
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            if len(begun) == ahead:
                yield begun.popleft().result()
            begun.append(pool.submit(work, item))
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()
