"""What all tests share."""

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist says nothing of its types
    """For `make test`, which has two: whole runs wait more than they compute.

    The flows' tests share a server, a team and a browser, and follow each other in one lane; meanwhile the other takes
    the files of all others, each file whole.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "flows" if path.startswith("tests/flows/") else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Which tests go to which lane, and when."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a slow test once more: a dozen processes on a busy machine meet, now and then, as they never did before.

    What failed is shown with its traceback all the same, to be looked into.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=1))
