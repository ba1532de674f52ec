"""What all tests share."""

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what may run beside what (`make test` has two lanes), and try a slow test once more.

    Whole systems, which wait more than they compute, follow each other in one lane; the files of all other tests
    follow each other in the other. A dozen processes on a busy machine meet, now and then, as they never did before:
    what failed is shown with its traceback all the same, to be looked into.
    """
    for item in items:
        slow = item.get_closest_marker("slow")
        item.add_marker(pytest.mark.xdist_group("systems" if slow or "flows" in item.path.parts else item.path.stem))
        if slow:
            item.add_marker(pytest.mark.flaky(reruns=1))
