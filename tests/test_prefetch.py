"""The bounded look-ahead."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from restyle.prefetch import one_ahead, prefetch


def test_results_come_in_order_and_never_more_than_the_bound_is_begun() -> None:
    taken, begun = 0, []

    def items() -> Iterator[int]:
        for i in range(50):
            begun.append(i)
            assert len(begun) - taken <= 5
            yield i

    with ThreadPoolExecutor(4) as pool:
        for expected, result in enumerate(prefetch(pool, lambda i: i * i, items(), ahead=4)):
            assert result == expected * expected
            taken += 1
    assert taken == 50


def test_an_error_surfaces_at_its_place_and_the_rest_is_not_begun() -> None:
    ran: list[int] = []
    gate = threading.Event()

    def work(i: int) -> int:
        ran.append(i)
        if i == 2:
            raise ValueError("two")
        if i > 2:
            gate.wait(5)
        return i

    with ThreadPoolExecutor(1) as pool:
        results = prefetch(pool, work, range(100), ahead=3)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ValueError, match="two"):
            next(results)
        gate.set()
    assert len(ran) <= 5


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_one_ahead_gives_each_item_once_the_next_is_there(count: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(count):
            taken.append(i)
            yield i

    for item in one_ahead(items()):
        assert taken[-1] == min(item + 1, count - 1)
    assert taken == list(range(count))
