"""What all tests share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def environment_put_back() -> Iterator[None]:
    """Commands that are called in the tests' own process set variables for the processes that they start."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a slow test once more: a dozen processes on a busy machine meet, now and then, as they never did before.

    What failed is shown with its traceback all the same, to be looked into.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=1))
