"""How the Kubernetes cluster shrinks: scheduler and workers as processes, asked and told what the operator would."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, get_worker

from flows.cluster import DASK_CONFIG
from flows.server import free_port
from restyle.chaos.subject import await_that
from restyle.processes import end, with_parent
from tests.deployments.reading import containers

pytestmark = pytest.mark.slow

BATCH_S = 5.0


class Cluster:
    """A scheduler as the manifest starts it, and workers on cores: the manifest's own are for GPUs."""

    def __init__(self, folder: Path, started: ExitStack) -> None:
        self.port, self.web, self._folder, self._started = free_port(), free_port(), folder, started
        (scheduler,) = (one for one in containers() if one["name"] == "scheduler")
        self._environment = {**os.environ, **{one["name"]: one["value"] for one in scheduler["env"]}}
        self._environment["DASK_CONFIG"] = str(DASK_CONFIG)
        ports = {"8786": str(self.port), ":8787": f":{self.web}"}
        self._start([ports.get(word, word) for word in scheduler["args"]])

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """One more, by this name."""
        (worker,) = (one for one in containers() if one["image"] == "restyle-gpu")
        here = {"tcp://restyle-scheduler:8786": self.address, "$(DASK_WORKER_NAME)": name, ":8788": ":0"}
        words = [here.get(word, word) for word in worker["args"] if word != "cuda"]
        return self._start([*words, "--nthreads", "1"])  # which dask cuda worker has by itself

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def ask(self, question: str, body: object = None) -> Any:  # whatever the scheduler answers
        """What the operator asks: adaptive_target, or retire_workers with a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web}/api/v1/{question}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name(words[0])), *words[1:]]
        with (self._folder / "out").open("ab") as out:
            process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self._folder,
                stdout=out,
                stderr=out,
                preexec_fn=with_parent(),  # noqa: PLW1509
            )
        self._started.callback(end, process)
        return process


@contextmanager
def connected(folder: Path) -> Iterator[tuple[Cluster, Client]]:
    with ExitStack() as started:
        cluster = Cluster(folder, started)
        yield cluster, started.enter_context(Client(cluster.address, timeout=300))


def batches(folder: Path) -> Callable[[int], int]:
    """As a batch does: not again what is recorded, and the record last; another worker may be at it as well."""

    def paint(number: int) -> int:  # in here, so that workers need not import this module
        record = folder / str(number)
        if not record.exists():
            record.with_suffix(".begun").touch()
            time.sleep(BATCH_S)
            with suppress(FileExistsError), record.open("x") as new:  # by whoever was first
                new.write(str(get_worker().name))
        return number

    return paint


def delete_pod(process: subprocess.Popen[bytes]) -> None:
    """What Kubernetes does: the command before the stop, then SIGTERM unless it ended by itself, then SIGKILL."""
    (worker,) = (one for one in containers() if one["image"] == "restyle-gpu")
    name, seconds = worker["lifecycle"]["preStop"]["exec"]["command"]
    assert name == "sleep"
    with suppress(subprocess.TimeoutExpired):
        process.wait(float(seconds))
    end(process, grace_s=30)


def test_the_cluster_asks_for_workers_while_there_is_work_and_for_none_afterwards(tmp_path: Path) -> None:
    with connected(tmp_path) as (cluster, client):
        assert cluster.ask("adaptive_target") == {"workers": 0}
        futures = client.map(batches(tmp_path), range(4))
        await_that(lambda: cluster.ask("adaptive_target")["workers"] >= 1, 600)
        cluster.worker("first")
        assert sorted(client.gather(futures)) == [0, 1, 2, 3]
        del futures
        await_that(lambda: cluster.ask("adaptive_target") == {"workers": 0}, 600)
        assert [one["name"] for one in cluster.ask("retire_workers", {"n": 1}).values()] == ["first"]


def test_a_worker_that_is_told_to_leave_ends_its_batch_and_none_is_lost(tmp_path: Path) -> None:
    with connected(tmp_path) as (cluster, client):
        workers = {name: cluster.worker(name) for name in ("first", "second")}
        client.wait_for_workers(2, timeout=300)
        futures = client.map(batches(tmp_path), range(6))
        await_that(lambda: len(list(tmp_path.glob("*.begun"))) == 2, 400)
        (leaving,) = (one["name"] for one in cluster.ask("retire_workers", {"n": 1}).values())
        delete_pod(workers[leaving])
        assert client.gather(futures) == list(range(6))
        painted = [(tmp_path / str(number)).read_text() for number in range(6)]
        assert painted.count(leaving) == 1
