"""`restyle up`: server, dashboard, worker, deployments, cluster and sensor on this machine, until Ctrl-C."""

import argparse
import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from flows.server import (
    HOST,
    SERVER_ENVIRONMENT,
    answers,
    free_port,
    own_pages_only,
    own_password,
    past_proxies,
    server_command,
)
from models.styles import shipped
from restyle import azurite
from restyle.errors import BadSetting, RestyleError
from restyle.importing import quickly
from restyle.layout import INBOX
from restyle.settings import Settings
from restyle.storage import open_store
from restyle.storage.open import with_container
from restyle.supervision import Service, Supervisor

AZURITE_PORT = 10000  # where tools look for it
READY_S = 300.0
LOCK_WAIT_S = 15.0  # what an `up` that was killed leaves is gone in a moment
LOOK_S = 0.25
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"


def up(options: argparse.Namespace) -> int:
    """Run everything until told to end; prints where it is."""
    folder = Settings().home / "up"
    folder.mkdir(parents=True, exist_ok=True)
    with _told_to_end() as over, _sole(folder) as lock:
        _require_free(options.port)
        with Supervisor(folder, _say, lock) as supervisor:
            ports = _Ports(options.port, free_port(), free_port() if _listens(AZURITE_PORT) else AZURITE_PORT)
            environment = _environment(options, ports, folder)
            with suppress(_Ended):
                _start(supervisor, options, ports, environment, _Waiting(supervisor, over))
                _tell(options.port, environment["RESTYLE_DATA_STORE"] if options.azurite else None, folder)
                while not over.wait(LOOK_S):
                    supervisor.tend()
            _say("ending")
    return 0


def _start(
    supervisor: Supervisor,
    options: argparse.Namespace,
    ports: "_Ports",
    environment: dict[str, str],
    wait: "_Waiting",
) -> None:
    workers = ["--workers", str(options.workers)] if options.workers else []

    def service(name: str, *command: str) -> Service:
        return Service(name, quickly("prefect", *command), environment)

    _say("starting; the first time this takes a minute")
    if options.azurite:
        blobs = Settings().home / "azurite"
        main = azurite.install(blobs)
        supervisor.start(Service("azurite", azurite.command(main, blobs / "data", port=ports.azurite), environment))
    supervisor.start(Service("server", server_command(ports.server), environment))
    supervisor.start(service("cluster", "flows.warm_cluster", "--port", str(ports.cluster), *workers))
    wait.until("server", lambda: answers(environment["PREFECT_API_URL"]))
    supervisor.run(service("deployments", "flows.serving"), wait.over.is_set)
    wait.until("cluster", lambda: _listens(ports.cluster))
    supervisor.start(service("worker", "prefect", "worker", "start", "--pool", "restyle"))
    supervisor.start(service("sensor", "flows.watch_store", "--every", str(options.every)))


def _environment(options: argparse.Namespace, ports: "_Ports", folder: Path) -> dict[str, str]:
    """What every process of ours sees: one server, one cluster, the same stores."""
    home = folder.parent
    environment = {
        **own_pages_only(ports.server),
        **os.environ,
        **SERVER_ENVIRONMENT,
        **own_password(),
        **past_proxies(),
        "RESTYLE_HOME": str(home),
        "RESTYLE_CLUSTER": f"{'tls' if Settings().dask_tls else 'tcp'}://{HOST}:{ports.cluster}",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://{HOST}:{ports.server}/api",
        # Leases on disk: in memory, what held a slot when the server was killed would hold it for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }
    if options.workers and Settings().max_workers:
        environment["RESTYLE_MAX_WORKERS"] = str(options.workers)
    environment.pop("PREFECT_PROFILE", None)
    if options.database:
        environment[DATABASE] = options.database
    environment.setdefault(DATABASE, f"sqlite+aiosqlite:///{folder / 'runs.db'}")
    if options.azurite:
        if os.environ.get("RESTYLE_DATA_STORE"):
            raise BadSetting("--azurite: RESTYLE_DATA_STORE names another store; unset it, or leave out --azurite")
        (home / "azurite" / "data").mkdir(parents=True, exist_ok=True)
        store = azurite.connection_string(f"http://{HOST}:{ports.azurite}")
        environment |= {"RESTYLE_DATA_STORE": store, "RESTYLE_CONTROL_STORE": store}
    return environment


def _tell(port: int, azurite_store: str | None, folder: Path) -> None:
    """Print where everything is; in a folder, make the places to drop things into."""
    spec = with_container(azurite_store, "data") if azurite_store else Settings().data_store.get_secret_value()
    known = ", ".join(shipped())
    if spec.startswith("block:"):
        inbox = f"{INBOX}STYLE/ of {spec}"
    else:
        inbox = open_store(spec).url(f"{INBOX}STYLE/VIDEO").removesuffix("VIDEO")
    if spec.startswith("file:"):
        for style in shipped():
            Path(inbox).with_name(style).mkdir(parents=True, exist_ok=True)
    if azurite_store:  # tools find the container, which the first write makes
        open_store(spec).write("README.txt", f"Drop videos into {INBOX}STYLE/, STYLE being {known}.\n".encode())
    _say(f"dashboard: http://{HOST}:{port}")
    _say(f"drop videos into {inbox} (STYLE is one of {known}, or one you trained)")
    if azurite_store:
        _say(f"the store, for any tool of Azure's: {azurite_store}")
    _say(f"logs: {folder / 'logs'}")
    _say("ready; Ctrl-C ends everything")


@dataclass(frozen=True)
class _Ports:
    """Where what we start listens; the same after a restart of any of it."""

    server: int
    cluster: int
    azurite: int


class _Ended(Exception):
    """We were told to end while something was awaited."""


class _Waiting:
    """Waits for what a service does when it is ready, and tends the others meanwhile."""

    def __init__(self, supervisor: Supervisor, over: Event) -> None:
        self._supervisor, self.over = supervisor, over

    def until(self, name: str, ready: Callable[[], bool]) -> None:
        """Raises RestyleError where that takes too long, and _Ended where we are told to end."""
        deadline = time.monotonic() + READY_S
        while not ready():
            if self.over.wait(LOOK_S):
                raise _Ended
            if time.monotonic() > deadline:
                raise RestyleError(
                    f"the {name} was not ready after {READY_S:.0f} s; its last words:\n{self._tail(name)}"
                )
            self._supervisor.tend()

    def _tail(self, name: str) -> str:
        return self._supervisor.tail(name)


@contextmanager
def _told_to_end() -> Iterator[Event]:
    """Set by Ctrl-C, SIGTERM and the end of the terminal."""
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    yield over


@contextmanager
def _sole(folder: Path) -> Iterator[int]:
    """A lock that one `up` of this home holds, and its guardian until all is gone. Raises BadSetting."""
    with (folder / "lock").open("w") as lock:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BadSetting(
                        f"restyle up runs already in {folder.parent}; end it, or set RESTYLE_HOME"
                    ) from None
                time.sleep(LOOK_S)
        yield lock.fileno()


def _require_free(port: int) -> None:
    if _listens(port):
        raise BadSetting(f"--port {port}: something listens there already; give another")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _say(line: str) -> None:
    print(f"restyle: {line}", flush=True)
