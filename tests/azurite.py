"""Azurite for the tests: installed under build/ (`python -m tests.azurite`), run on a free port."""

import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from restyle.azurite import ACCOUNT, ACCOUNT_KEY, command, connection_string, install
from restyle.processes import with_parent
from restyle.storage.signing import container_sas

FOLDER = Path(__file__).parents[1] / "build" / "azurite"
_READY_S = 60.0


@dataclass(frozen=True)
class Azurite:
    """A running emulator."""

    url: str
    process: subprocess.Popen[bytes]

    def connection_string(self, container: str) -> str:
        """All rights, in the words of ``open_store``."""
        return f"{connection_string(self.url)};ContainerName={container}"

    def queue(self, name: str) -> str:
        """All rights on a queue, in the words of ``open_queue``."""
        account = connection_string(self.url).replace("BlobEndpoint", "QueueEndpoint")
        return f"{account};QueueName={name}"

    def container_url(self, container: str, permission: str, lifetime: timedelta = timedelta(hours=1)) -> str:
        """The container with a SAS of these rights (``rwdlc``...), in the words of ``open_store``."""
        sas = container_sas(ACCOUNT, ACCOUNT_KEY, container, permission, lifetime)
        return f"{self.url}/{ACCOUNT}/{container}?{sas}"


@contextmanager
def running_azurite(
    folder: Path, *, port: int = 0, more: Sequence[str] = (), service: Literal["blob", "queue"] = "blob"
) -> Iterator[Azurite]:
    """Azurite with its data in ``folder``, on a free port unless one is given; ends with the block or with us.

    more: further options of Azurite, for example ``--cert`` and ``--key``.
    """
    said = folder / "azurite.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            command(install(FOLDER), folder, port=port, more=more, service=service),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=with_parent(),  # noqa: PLW1509  (system calls only)
        )
    try:
        yield Azurite(_address(process, said), process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One Azurite for all tests of a session; each takes containers of its own."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(scope="session")
def queues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One Azurite's queue service for all tests of a session; each takes queues of its own."""
    with running_azurite(tmp_path_factory.mktemp("queues"), service="queue") as running:
        yield running


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"successfully listens on (https?://\S+)", said.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"Azurite did not start: {said.read_text()[-2000:]}")


if __name__ == "__main__":
    install(FOLDER)
