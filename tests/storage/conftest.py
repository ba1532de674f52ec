"""The stores that the storage tests run against: a folder, and a container of a real Azurite."""

import uuid
from pathlib import Path

import pytest

from restyle.storage import Store, open_store
from tests.azurite import Azurite, azurite

__all__ = ["azurite"]


@pytest.fixture
def container() -> str:
    """A container name of the test's own; nothing has this name yet."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture(params=["files", "azure"])
def spec(request: pytest.FixtureRequest, tmp_path: Path, container: str) -> str:
    """The name of an empty store, neither folder nor container made yet."""
    if request.param == "files":
        return (tmp_path / "store").as_uri()
    running: Azurite = request.getfixturevalue("azurite")
    return running.connection_string(container)


@pytest.fixture
def store(spec: str) -> Store:
    """The empty store itself."""
    return open_store(spec)
