"""A private Prefect server for the length of one run, where none is configured; it imports no Prefect itself."""

import fcntl
import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from restyle.errors import RestyleError
from restyle.processes import end, with_parent

START_TIMEOUT_S = 180.0  # a first start makes the database: 15-20 s on a quiet machine

SERVER_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_PROMPT": "false",
}


@contextmanager
def prefect_api(home: Path) -> Iterator[str]:
    """The URL of the Prefect API to use: the configured one, or that of a private server.

    A private server listens on loopback, keeps its database under `home` so that the run can be looked at later,
    and ends with the context. The environment makes this process and its children use it, so this comes
    before the first import of Prefect. Raises RestyleError where the server does not start.
    """
    configured = configured_api()
    if configured:
        yield configured
        return
    with _free_database(home) as database, _server(database) as url:
        os.environ["PREFECT_API_URL"] = url
        try:
            yield url
        finally:
            del os.environ["PREFECT_API_URL"]


def configured_api() -> str | None:
    """The API URL of the environment or of the active Prefect profile, or None."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return None
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
    url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    return str(url) if url else None


@contextmanager
def _free_database(home: Path) -> Iterator[Path]:
    """The first database under `home` that no other private server has open: two servers must not share one."""
    home.mkdir(parents=True, exist_ok=True)
    for number in count():
        database = home / f"runs-{number}.db"
        with database.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield database
            return


@contextmanager
def _server(database: Path) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        **os.environ,
        **SERVER_ENVIRONMENT,
        "PREFECT_HOME": str(database.parent),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }
    log_file = database.with_suffix(".log")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=with_parent(),  # noqa: PLW1509  (the call in the child takes no lock)
        )
        try:
            _await_health(process, port, log_file)
            yield environment["PREFECT_API_URL"]
        finally:
            end(process)


def _await_health(process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    tail = log_file.read_text(errors="replace")[-2000:]
    raise RestyleError(f"the private Prefect server did not start (its log is {log_file}):\n{tail}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
