"""A `restyle up` with a home of its own, started, killed and asked by those that try it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

READY_S = 400.0
"""A machine that is busy otherwise; alone it takes a tenth."""
END_S = 120.0
SEEN_S = 3.0
BUSY_TRIES = 10
"""How often, a second apart, a server that is too busy is asked again."""


@dataclass
class Subject:
    """A home with, or without, a running `restyle up`."""

    home: Path
    port: int
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def dashboard(self) -> str:
        """The dashboard's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The API's URL, for PREFECT_API_URL."""
        return f"{self.dashboard}/api"

    @property
    def said(self) -> str:
        """What this and earlier starts printed."""
        return (self.home / "up.out").read_text()

    def start(self) -> None:
        """Start, unless it runs, and wait until all is there. Raises RuntimeError where it ends instead."""
        if self.process and self.process.poll() is None:
            return
        before = len(self.said) if (self.home / "up.out").exists() else 0
        environment = {**os.environ, "RESTYLE_HOME": str(self.home), "OMP_NUM_THREADS": "1", **self.environment}
        with (self.home / "up.out").open("ab") as out:
            command = [sys.executable, "-m", "restyle.cli", "up", "--port", str(self.port), *self.options]
            self.process = subprocess.Popen(command, env=environment, cwd=self.home, stdout=out, stderr=out)
        process = self.process
        await_that(lambda: "ready;" in self.said[before:] or process.poll() is not None, READY_S)
        if process.poll() is not None:
            raise RuntimeError(f"restyle up ended:\n{self.said[before:]}")

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(END_S)

    def processes(self) -> dict[int, str]:
        """Every living process of this home, by its id, as its command line."""
        found, mark = {}, f"RESTYLE_HOME={self.home}".encode()
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdecimal() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue  # it ended meanwhile
        return {number: words for number, words in found.items() if words}

    def all_with(self, words: str) -> list[int]:
        """The ids of the processes with these words in their command lines."""
        return [number for number, line in self.processes().items() if words in line]

    def one(self, words: str) -> int:
        """The id of the one process with these words in its command line."""
        (number,) = self.all_with(words)
        return number

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:  # whatever the API answers
        """Ask the server's API; a body makes it a POST. Raises HTTPError for what the server refuses.

        One that is too busy (503: its database is locked, say) has done nothing and is asked again.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  (our own)
        for _ in range(BUSY_TRIES):
            try:
                return _answer(request)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
            time.sleep(1)
        return _answer(request)

    def runs(self, flow: str, state: str | None = None) -> list[dict[str, Any]]:
        """The runs of a flow, those of one type of state where it is given."""
        asked: dict[str, Any] = {"flows": {"name": {"any_": [flow]}}}
        if state:
            asked["flow_runs"] = {"state": {"type": {"any_": [state]}}}
        found: list[dict[str, Any]] = self.ask("/flow_runs/filter", asked)
        return found

    def retry(self, run: str) -> None:
        """What the Retry button of a run does, pressed once the process of the attempt before is gone.

        Prefect takes the end of that process for a crash of the attempt that goes on (docs/failures.md).
        """
        await_gone(self.ask(f"/flow_runs/{run}")["infrastructure_pid"])
        self.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}})


def _answer(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (our own)
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        raise


def await_gone(process: str | None) -> None:
    """Wait until the process of a run, as the server names it, is no more, and its worker has seen that."""
    number = (process or "").rpartition(":")[2]
    await_that(lambda: not number or not Path("/proc", number).exists(), END_S)
    time.sleep(SEEN_S)


def await_that(happened: Callable[[], bool], timeout_s: float) -> None:
    """Wait until something is so; a server that gives no answer has not said yes. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    unanswered: OSError | None = None
    while time.monotonic() <= deadline:
        try:
            if happened():
                return
            unanswered = None
        except urllib.error.HTTPError as error:
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            unanswered = error
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            unanswered = error
        time.sleep(0.2)
    raise TimeoutError(f"not so after {timeout_s:.0f} s") from unanswered
