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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from restyle.arguments import CLOUD_KINDS
from restyle.errors import BadSetting, RestyleError
from restyle.importing import quickly
from restyle.processes import end, with_parent

HOST = "127.0.0.1"
DRAIN_TIMEOUT_S = 10.0
START_TIMEOUT_S = 180.0  # a first start makes the database: 15-20 s on a quiet machine

SERVER_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_PROMPT": "false",
}
NO_BLOCKS = {
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
}
"""Whoever saves a block registers its type; to register all that are installed takes seconds."""


def server_command(port: int) -> list[str]:
    """What starts a server on loopback."""
    first = "prefect.cli.server,prefect.server.api.server,flows.sqlite"
    return quickly(first, "prefect", "server", "start", "--host", HOST, "--port", str(port))


def own_pages_only(port: int) -> dict[str, str]:
    """Lets no page of another site speak to a server of ours through the browser of whoever looks at it.

    Prefect itself allows every site, and who may speak to its API may run code.
    """
    return {"PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}"}


class PrefectApi(NamedTuple):
    """A Prefect API that may still be starting."""

    url: str
    await_ready: Callable[[], None]


@contextmanager
def prefect_api(home: Path) -> Iterator[PrefectApi]:
    """The Prefect API to use: the configured one, or that of a private server that is started here.

    A private server listens on loopback, keeps its database under `home` so that the run can be looked at later,
    and ends with the context. The environment makes this process and its children use it, so this comes
    before the first import of Prefect. It starts while the caller does other things: call await_ready before use,
    which raises BadSetting or RestyleError where no API answers.
    """
    configured = configured_api()
    if configured:
        if _is_loopback(configured):
            os.environ.update(past_proxies())
        yield PrefectApi(configured, partial(_require_answer, configured))
        return
    with _free_database(home) as database, _server(database) as api:
        os.environ["PREFECT_API_URL"] = api.url
        os.environ.update(own_password() | past_proxies())
        try:
            yield api
        finally:
            _drain()
            del os.environ["PREFECT_API_URL"]


def own_password() -> dict[str, str]:
    """What lets clients of a server of ours in, where PREFECT_SERVER_API_AUTH_STRING asks them for a password."""
    asked = os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
    return {"PREFECT_API_AUTH_STRING": asked} if asked else {}


def past_proxies() -> dict[str, str]:
    """Lets clients reach what listens on this machine's loopback by themselves, where they ask a proxy for all else."""
    said = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    past = ",".join([*([said] if said else []), HOST, "localhost"])
    return {"no_proxy": past, "NO_PROXY": past}


def _drain() -> None:
    """Send what this process still has for the server: left unsent, it would be tried for a minute at exit."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker  # noqa: PLC0415  (see the first line of this file)
        from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

        APILogWorker.drain_all(timeout=DRAIN_TIMEOUT_S)
        EventsWorker.drain_all(timeout=DRAIN_TIMEOUT_S)


def require_within_reach(cluster: str) -> None:
    """Raises BadSetting for workers on other machines, where the server would be a private one on this loopback.

    They would paint and could tell nobody.
    """
    host = urlsplit(cluster).hostname
    elsewhere = cluster in CLOUD_KINDS or (host is not None and not _is_here(host))
    if elsewhere and configured_api() is None:
        raise BadSetting(
            f"--cluster {cluster}: its workers cannot reach the private Prefect server of this machine; "
            "set PREFECT_API_URL to a server that they can reach"
        )


def _is_here(host: str) -> bool:
    """Whether this machine has the address; a name that nothing knows is for whoever connects to complain of."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe, suppress(OSError):
            probe.bind(address)
            return True
    return False


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
def _server(database: Path) -> Iterator[PrefectApi]:
    port = free_port()
    environment = {
        **os.environ,
        **SERVER_ENVIRONMENT,
        **NO_BLOCKS,
        **own_pages_only(port),
        "PREFECT_HOME": str(database.parent),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
    }
    log_file = database.with_suffix(".log")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            server_command(port),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=sys.platform == "linux",  # a Ctrl-C is for us: we still have to tell the server
            preexec_fn=with_parent(),  # noqa: PLW1509  (system calls only)
        )
        try:
            url = environment["PREFECT_API_URL"]
            yield PrefectApi(url, partial(_await_health, process, url, log_file))
        finally:
            end(process)


def _await_health(process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if answers(url):
            return
        time.sleep(0.1)
    tail = log_file.read_text(errors="replace")[-2000:]
    raise RestyleError(f"the private Prefect server did not start (its log is {log_file}):\n{tail}")


def _require_answer(url: str) -> None:
    if not url.startswith(("http://", "https://")) or not answers(url):
        raise BadSetting(f"PREFECT_API_URL {url}: no Prefect server answers there; start it, or unset the variable")


def answers(url: str) -> bool:
    """Whether a Prefect server answers at this API URL."""
    handlers = [urllib.request.ProxyHandler({})] if _is_loopback(url) else []
    try:
        with urllib.request.build_opener(*handlers).open(f"{url}/health", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True  # it answers, if only that it wants to know who asks
    except OSError:
        return False


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in (HOST, "localhost", "::1")


def free_port() -> int:
    """A port on loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
