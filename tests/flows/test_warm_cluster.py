"""The shared cluster as a supervisor has it: one process tree at a fixed address."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client

from flows.cluster import DASK_CONFIG, WORKER_ENVIRONMENT, configured_choice, configured_task_runner
from models import runtime
from models.runtime import thread_share
from tests.processes import has_from_its_start

MODULE = (sys.executable, "-m", "flows.warm_cluster", "--kind", "local")
PARENT = "import subprocess, sys; subprocess.run(sys.argv[1:])"


@pytest.mark.slow
def test_a_warm_cluster_replaces_its_workers_and_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    with _started(sys.executable, "-c", PARENT, *MODULE, "--workers", "2", "--port", "0") as (parent, address):
        port = address.removeprefix("tcp://127.0.0.1:")
        taken = subprocess.run([*MODULE, "--port", port], capture_output=True, text=True, timeout=120, check=False)
        assert taken.returncode == 2
        assert f"port {port}" in taken.stderr
        monkeypatch.setenv("RESTYLE_CLUSTER", address)
        assert (configured_choice().address, configured_choice().workers) == (address, 2)
        with configured_task_runner().duplicate() as runner:  # as the flow engine does
            assert runner.client.scheduler.address == address
        with Client(address) as client:
            before = set(client.run(os.getpid).values())
            os.kill(min(before), signal.SIGKILL)
            _await(lambda: len(set(client.run(os.getpid, on_error="ignore").values()) - before) == 1)
            assert all(threads.isdecimal() for threads in client.run(os.getenv, "OMP_NUM_THREADS").values())
            assert all(has_from_its_start(pid, WORKER_ENVIRONMENT) for pid in client.run(os.getpid).values())
            assert all(client.run(lambda: "flows.stylize_video" in sys.modules).values())  # before its first batch
            pids = set(client.run(os.getpid).values())
        parent.kill()
        _await(lambda: not any(_lives(pid) for pid in pids))


@pytest.mark.slow
def test_a_warm_cluster_ends_whole_when_told_to() -> None:
    with _started(*MODULE, "--workers", "1", "--port", "0") as (cluster, address):
        with Client(address) as client:
            pids = set(client.run(os.getpid).values())
        cluster.terminate()
        assert cluster.wait(60) == 0
        assert not any(_lives(pid) for pid in pids)


@pytest.mark.slow
def test_a_worker_that_is_started_by_hand_paints_with_all_its_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_CONFIG", str(DASK_CONFIG))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    place = tmp_path / "scheduler.json"
    here = ["--no-dashboard", "--scheduler-file", str(place)]
    dask = [sys.executable, "-m", "dask"]
    scheduler = subprocess.Popen([*dask, "scheduler", "--port", "0", *here])
    worker = subprocess.Popen([*dask, "worker", "--nthreads", "1", "--memory-limit", "0", *here])
    try:
        _await(place.exists)
        with Client(scheduler_file=str(place)) as client:
            client.wait_for_workers(1, timeout=60)
            assert list(client.run(lambda: runtime.choose_numeric_path().threads).values()) == [thread_share()]
            assert all(has_from_its_start(pid, WORKER_ENVIRONMENT) for pid in client.run(os.getpid).values())
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait(60)


@contextmanager
def _started(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A cluster and the address it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def _await(reached: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
