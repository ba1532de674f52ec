"""`restyle up` as a team has it: on a home of its own, started and killed by tests, spoken to through its API."""

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
from pathlib import Path
from typing import Any

from flows.server import free_port
from restyle.storage import Store, open_store
from tests.flows.faulty import misbehave

ROOT = Path(__file__).parents[1]

FAULTY = "with-any-model"
"""The deployment of a model that fails when it is told to."""
READY_S = 400.0
"""The machine may be busy with other tests; alone it takes a tenth."""


@dataclass
class Team:
    """A home with, or without, a running `restyle up`."""

    home: Path
    options: tuple[str, ...] = ("--workers", "1", "--every", "1")
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.environment |= {
            "FAULTS": str(self.home / "faults.json"),
            "PYTHONPATH": str(ROOT),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",  # a minute, else: too long for a test to wait
        }
        self.misbehave()

    @property
    def dashboard(self) -> str:
        """The dashboard's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The API's URL, for PREFECT_API_URL."""
        return f"{self.dashboard}/api"

    @property
    def data(self) -> Store:
        """The data store, where videos are dropped."""
        return open_store((self.home / "data").as_uri())

    @property
    def said(self) -> str:
        """What this and earlier starts printed."""
        return (self.home / "up.out").read_text()

    def start(self) -> None:
        """Start, unless it runs, and wait until all is there."""
        if self.process and self.process.poll() is None:
            return
        before = len(self.said) if (self.home / "up.out").exists() else 0
        environment = {**os.environ, "RESTYLE_HOME": str(self.home), "OMP_NUM_THREADS": "1", **self.environment}
        with (self.home / "up.out").open("ab") as out:
            command = [sys.executable, "-m", "restyle.cli", "up", "--port", str(self.port), *self.options]
            self.process = subprocess.Popen(command, env=environment, cwd=self.home, stdout=out, stderr=out)
        process = self.process
        await_that(lambda: "ready;" in self.said[before:] or process.poll() is not None, READY_S)
        assert process.poll() is None, self.said[before:]

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(120)

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

    def one(self, words: str) -> int:
        """The id of the one process with these words in its command line."""
        (number,) = (number for number, line in self.processes().items() if words in line)
        return number

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:  # whatever the API answers
        """Ask the server's API; a body makes it a POST. Raises HTTPError for what the server refuses."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def runs(self, flow: str, state: str | None = None) -> list[dict[str, Any]]:
        """The runs of a flow, those of one type of state where it is given."""
        asked: dict[str, Any] = {"flows": {"name": {"any_": [flow]}}}
        if state:
            asked["flow_runs"] = {"state": {"type": {"any_": [state]}}}
        found: list[dict[str, Any]] = self.ask("/flow_runs/filter", asked)
        return found

    def misbehave(self, **faults: Any) -> None:
        """Say what the model of `start_faulty` does from now on; nothing said: it paints."""
        misbehave(self.home / "faults.json", **faults)

    def start_faulty(self, clip: Path, batch_size: int) -> str:
        """Start a run whose model does what the faults say, by a deployment that takes one; returns the run's id."""
        deployment = {
            "flow_id": self.ask("/flows/", {"name": "stylize-video"})["id"],
            "name": FAULTY,
            "work_pool_name": "restyle",
            "entrypoint": "tests.flows.deployed.paint",
            "path": str(ROOT),
        }
        made = self.ask("/deployments/", deployment)
        request = {"video": str(clip), "model": "tests.flows.faulty:paint", "batch_size": batch_size}
        ordered = {"name": f"{clip.name} by a faulty model", "parameters": {"request": request}}
        run = self.ask(f"/deployments/{made['id']}/create_flow_run", ordered)
        return str(run["id"])

    def job(self, video: str) -> str | None:
        """The id of the job that paints a video of this name, as far as the control store knows."""
        jobs = (self.home / "control/jobs").glob("*/job.json")
        return next((file.parent.name for file in jobs if video in file.read_text()), None)

    def recorded(self, video: str) -> int:
        """How many batches of a video are painted."""
        return len(list((self.home / f"control/jobs/{self.job(video)}/ledger").glob("*.json")))

    def outputs(self) -> list[Path]:
        """Painted videos in the data store."""
        return sorted((self.home / "data").glob("runs/*/encodings/*/output.*"))


def await_that(happened: Callable[[], bool], timeout_s: float) -> None:
    """Wait until something is so. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {timeout_s:.0f} s")
        time.sleep(0.2)
