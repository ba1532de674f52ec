"""What all tests share."""

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a slow test once more: a dozen processes on a busy machine meet, now and then, as they never did before.

    What failed is shown with its traceback all the same, to be looked into.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=1))
