"""The containers of a deployment as processes of this machine: commands, environment and health checks as written."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flows.server import free_port
from restyle.azurite import install, node
from restyle.chaos.subject import await_that
from restyle.processes import end, with_parent
from tests.azurite import FOLDER
from tests.deployments.reading import DOCKER, ROOT, example_environment, services

READY_S = 500.0
"""The machine may be busy with other tests; alone it takes a tenth."""


def image_environment() -> dict[str, str]:
    """What docker/Dockerfile sets, but for the path of programs."""
    text = (DOCKER / "Dockerfile").read_text()
    settings = re.findall(r"^(?:ENV |    )([A-Z_]+)=(\S+)(?: \\)?$", text, re.MULTILINE)
    return {name: value for name, value in settings if name != "PATH"}


class Stand:
    """Services of the compose file, each of them one process; ports and folders are this machine's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {port: free_port() for port in ("4200", "8786", "8787", "8788", "8080", "10000")}
        self._services = services(example_environment())
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def url(self, port: str) -> str:
        """Where a port of the compose file is on this machine."""
        return f"http://127.0.0.1:{self._ports[port]}"

    def environment(self, name: str) -> dict[str, str]:
        """What a service's process sees."""
        stated: Mapping[str, str] = self._services[name].get("environment", {})
        here = {key: self._here(str(value), name) for key, value in {**image_environment(), **stated}.items()}
        # PostgreSQL is not here; and what is fixed in an image of its own has a free port.
        database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{self._folder}/runs.db"}
        own = {"PREFECT_WORKER_WEBSERVER_PORT": self._ports["8080"], "PYTHONPATH": ROOT}
        outside = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "RESTYLE_"))}
        return {**outside, **here, **database, **{key: str(value) for key, value in own.items()}}

    def start(self, name: str) -> None:
        """Start a service."""
        self.running[name] = self._popen(name, self._command(name))

    def run(self, name: str, *more: str) -> int:
        """Run a service that ends, with more arguments; returns its exit code."""
        return self._popen(name, [*self._command(name), *more]).wait(READY_S)

    def await_health(self, name: str) -> None:
        """Wait until the service's own health check passes."""
        check = [self._here(word, name) for word in self._services[name]["healthcheck"]["test"][1:]]

        def healthy() -> bool:
            assert self.running[name].poll() is None, self.said(name)
            time.sleep(1)  # each check is a process of its own
            return self._popen(f"{name}-health", check).wait(60) == 0

        await_that(healthy, READY_S)

    def said(self, name: str) -> str:
        """What a service printed."""
        return (self._folder / f"{name}.out").read_text()

    def stop(self, name: str, grace_s: float = 60) -> int:
        """Stop it as its engine would: SIGTERM, and after a grace SIGKILL. Returns the exit code."""
        process = self.running.pop(name)
        end(process, grace_s)
        return process.returncode

    def _command(self, name: str) -> list[str]:
        service = self._services[name]
        words = service["command"]
        if isinstance(words, str):
            words = words.split()
        here = [self._here(word, name) for word in [*service.get("entrypoint", []), *words]]
        if here[0] == "azurite-blob":
            return [node(), str(install(FOLDER)), *here[1:]]
        return here

    def _here(self, text: str, name: str) -> str:
        """The text with ports, hosts and folders of this machine."""
        home = self._folder / name
        home.mkdir(exist_ok=True)
        text = re.sub(r"(?<=//)(server|scheduler|azurite)(?=:)|0\.0\.0\.0", "127.0.0.1", text)
        for port, free in self._ports.items():
            text = re.sub(rf"(?<![\d.]){port}(?!\d)", str(free), text)
        text = text.replace("DNS:azurite", "IP:127.0.0.1")
        text = re.sub(
            r"(?<![\w.])/(var/lib/restyle|tmp|certificate|data)\b", lambda m: str(self._place(m[1], home)), text
        )
        return re.sub(r"^/opt/restyle/lib/python\S*/site-packages", str(ROOT), text)

    def _place(self, folder: str, home: Path) -> Path:
        """A container's folder: shared where it is a volume that several have."""
        place = self._folder / "certificate" if folder == "certificate" else home / Path(folder).name
        place.mkdir(exist_ok=True)
        return place

    def _popen(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        service = name.removesuffix("-health")
        environment = self.environment(service)
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        work = self._here(self._services[service].get("working_dir", "/var/lib/restyle"), service)
        with (self._folder / f"{name}.out").open("ab") as out:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=work,
                stdout=out,
                stderr=out,
                preexec_fn=with_parent(),  # noqa: PLW1509
            )


@contextmanager
def stand(folder: Path) -> Iterator[Stand]:
    """A stand whose processes end with the block, the last that was started first."""
    one = Stand(folder)
    try:
        yield one
    finally:
        for name in reversed(list(one.running)):
            one.stop(name)
