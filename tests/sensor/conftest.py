"""Stores of both kinds, with a sensor that watches them."""

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from restyle.sensor import Sensor
from restyle.storage import Store, open_store
from tests.azurite import Azurite, azurite
from tests.sensor.taking import Server

__all__ = ["azurite"]

Drop = Callable[..., None]


@pytest.fixture(params=["files", "azure"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Store]:
    """Data and control, empty."""
    if request.param == "files":
        return open_store((tmp_path / "data").as_uri()), open_store((tmp_path / "control").as_uri())
    running: Azurite = request.getfixturevalue("azurite")
    name = uuid.uuid4().hex
    return tuple(open_store(running.connection_string(f"{kind}-{name}")) for kind in ("data", "control"))  # type: ignore[return-value]


@pytest.fixture
def data(stores: tuple[Store, Store]) -> Store:
    return stores[0]


@pytest.fixture
def control(stores: tuple[Store, Store]) -> Store:
    return stores[1]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def sensor(data: Store, control: Store, server: Server) -> Sensor:
    """For which a file is whole as soon as it is seen."""
    return Sensor(data, control, server.start, still_s=0)


@pytest.fixture
def drop(data: Store) -> Drop:
    """Puts a trigger of these fields, in the style wave unless they say otherwise."""

    def put(name: str, **fields: Any) -> None:
        data.write(f"triggers/{name}.json", json.dumps({"style": "wave", **fields}).encode())

    return put


def keys(store: Store, prefix: str = "") -> list[str]:
    return [blob.key for blob in store.list(prefix)]


def age(path: Path, seconds: float) -> None:
    """Make a file look as if it had not been touched for so long."""
    status = path.stat()
    os.utime(path, (status.st_atime, status.st_mtime - seconds))
