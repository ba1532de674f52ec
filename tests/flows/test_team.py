"""A team's machine: runs of a work pool on the shared cluster, retried and cancelled from the dashboard."""

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from distributed import Client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import TERMINAL_STATES

from restyle.processes import end
from tests.flows.conftest import Shell
from tests.flows.dashboard import Dashboard, dashboard, until
from tests.flows.deployed import paint
from tests.flows.faulty import grey_clip, misbehave
from tests.team import stay_at

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
MODEL = "tests.flows.faulty:paint"
POOL = "team"
LONG = 120
"""Batches of a run that is at work for much longer than a busy machine takes for a short one beside it."""
WORKERS = 2
AHEAD = 3 * WORKERS
"""Batches of a run that these have or wait for."""
MOST_TO_CANCEL_S = 200.0
"""30 s is the promise, of a machine that is not busy with other tests as well."""


class Team:
    """A home with a warm cluster, a process worker and a deployment; its model does what the faults say."""

    def __init__(self, home: Path, seen: Dashboard, address: str) -> None:
        self.home, self.seen, self.address = home, seen, address
        self._started: list[UUID] = []
        self.shell = Shell(home, {"FAULTS": str(home / "faults.json"), "PYTHONPATH": str(ROOT)})
        self._deployment = seen.client.create_deployment(
            seen.client.create_flow(paint),
            "with-any-model",
            work_pool_name=POOL,
            entrypoint="tests.flows.deployed.paint",
            pull_steps=[stay_at(home)],
        )

    def start(self, clip: Path, batch_size: int) -> UUID:
        """Start a run as the form does."""
        request = {"video": str(clip), "model": MODEL, "batch_size": batch_size, "keep_frames": True}
        made = self.seen.client.create_flow_run_from_deployment(self._deployment, parameters={"request": request})
        self._started.append(made.id)
        return made.id

    def rest(self) -> None:
        """Forget every job and fault, once what a failed test has left at work has ended."""
        self.misbehave()
        left = [run for run in self._started if not self._ended(run)]
        for run in left:
            self.seen.cancel(run)
        until(lambda: all(self._ended(run) for run in left))
        self._started.clear()
        for store in ("control", "data"):
            shutil.rmtree(self.home / store, ignore_errors=True)

    def misbehave(self, **faults: Any) -> None:
        """Say what the model does from now on."""
        misbehave(self.home / "faults.json", **faults)

    def _ended(self, run: UUID) -> bool:
        return self.seen.run(run).state_type in TERMINAL_STATES

    def submitted(self) -> int:
        """How many batches are on the cluster and not ended, of all runs."""
        with Client(self.address) as cluster:
            return int(cluster.run_on_scheduler(_batches_on))

    def records(self, clip: Path) -> list[dict[str, Any]]:
        """The ledger of the job that paints this clip, by the time of writing."""
        for job in (self.home / "control/jobs").glob("*/job.json"):  # its folder is there before it
            if clip.name in job.read_text():
                found = [json.loads(path.read_text()) for path in (job.parent / "ledger").glob("*.json")]
                return sorted(found, key=lambda entry: datetime.fromisoformat(entry["finished"]))
        return []

    def painted(self, run_id: UUID) -> dict[int, list[str]]:
        """What the worker logs of a run say of each batch: painted, kept, failed..., once per attempt."""
        said: dict[int, list[str]] = {}
        for path in sorted((self.home / f"control/logs/{run_id}").glob("batch*")):
            events = [json.loads(line) for line in path.read_text().splitlines()]
            index = next(event["batch"] for event in events if event["event"] == "begun")
            said[index] = [event["event"] for event in events if event["event"] not in ("begun", "frame")]
        return said


@pytest.fixture
def team(machine: Team) -> Iterator[Team]:
    """The team's machine, with nothing left on it by another test or by this one's first try."""
    yield machine
    machine.rest()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[Team]:
    """The team's machine, up for all tests of this file."""
    home = tmp_path_factory.mktemp("team")
    misbehave(home / "faults.json")
    environment = {
        **os.environ,
        "RESTYLE_HOME": str(home),
        "PREFECT_API_URL": server,
        "FAULTS": str(home / "faults.json"),
        "PYTHONPATH": str(ROOT),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    with ExitStack() as stack:
        warm = (sys.executable, "-m", "flows.warm_cluster", "--kind", "local", "--workers", str(WORKERS), "--port", "0")
        cluster = subprocess.Popen(warm, env=environment, stdout=subprocess.PIPE)
        stack.callback(end, cluster)
        assert cluster.stdout is not None
        stack.enter_context(cluster.stdout)
        address = cluster.stdout.readline().decode().strip()
        seen = stack.enter_context(dashboard(server))
        seen.client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        worker = (sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process")
        quiet = subprocess.DEVNULL
        started = subprocess.Popen(
            worker, env={**environment, "RESTYLE_CLUSTER": address}, cwd=home, stdout=quiet, stderr=quiet
        )
        stack.callback(end, started)
        team = Team(home, seen, address)
        team.shell.environment["PREFECT_API_URL"] = server
        yield team


@pytest.mark.slow
def test_retry_paints_only_what_failed(team: Team) -> None:
    clip = grey_clip(team.home / "retried.mp4", 20)
    team.misbehave(fail=[13])
    run = team.start(clip, batch_size=4)
    until(lambda: team.seen.state(run) in ("Failed", "Completed", "Crashed"))
    assert team.seen.state(run) == "Failed"
    assert team.painted(run) == {0: ["painted"], 1: ["painted"], 2: ["painted"], 3: ["failed"], 4: ["painted"]}
    team.misbehave()
    team.seen.retry(run)
    until(lambda: team.seen.state(run) == "Completed")
    kept = ["painted", "kept"]
    assert team.painted(run) == {0: kept, 1: kept, 2: kept, 3: ["failed", "painted"], 4: kept}
    shown = {one.name: one.state_name for one in team.seen.task_runs(run, attempt=2)}
    batches = {name: state for name, state in shown.items() if name.startswith("style batch")}
    assert batches.pop("style batch 3: frames 12-15") == "Completed"
    assert set(batches.values()) == {"AlreadyPainted"}
    assert len(batches) == 4


@pytest.mark.slow
def test_a_cancelled_run_stops_and_others_on_the_cluster_go_on_in_turn(team: Team) -> None:
    long, short = grey_clip(team.home / "long.mp4", LONG), grey_clip(team.home / "short.mp4", 4)
    team.misbehave(hold=True)  # however long a busy machine takes to start the short run
    cancelled = team.start(long, batch_size=1)
    until(lambda: team.submitted() == AHEAD)
    other = team.start(short, batch_size=1)
    until(lambda: team.seen.state(other) == "Running")
    team.misbehave(sleep_s=2.0)  # its steps on the cluster, first of all two small ones, wait for those before them
    until(lambda: len(team.records(short)) == 4)
    first, last = (team.records(short)[place]["finished"] for place in (0, -1))
    meanwhile = [entry for entry in team.records(long) if first < entry["finished"] < last]
    assert len(meanwhile) <= AHEAD + 2  # those that were submitted before, and some come in turn
    assert len(team.records(long)) < LONG - AHEAD, "the long run was to be at work still"

    pid = int(str(team.seen.run(cancelled).infrastructure_pid).rpartition(":")[2])
    team.misbehave(sleep_s=5.0)  # so that it is not done before a busy machine has ended it
    began = time.monotonic()
    team.seen.cancel(cancelled)
    until(lambda: team.seen.state(cancelled) == "Cancelled", MOST_TO_CANCEL_S)
    with Client(team.address) as cluster:
        until(lambda: not any(cluster.processing().values()), MOST_TO_CANCEL_S - (time.monotonic() - began))
        assert len(cluster.scheduler_info()["workers"]) == WORKERS
    until(lambda: team.seen.state(other) == "Completed")
    assert not Path(f"/proc/{pid}").exists()
    log.info("cancelled, and its batches stopped, in %.1f s", time.monotonic() - began)
    done = team.records(long)
    assert {one.state_name for one in team.seen.task_runs(cancelled)} <= {"Completed", "Cancelled", "NotNeeded"}
    assert not list((team.home / "spool").iterdir())
    assert not list((team.home / "running").iterdir())
    assert len(team.records(long)) == len(done) < LONG

    team.misbehave()
    report = team.home / "report.json"
    words = ("--batch-size", "1", "--cluster", team.address, "-o", team.home / "out.mp4", "--report", report)
    again = team.shell("run", long, "--model", MODEL, *words)
    assert again.returncode == 0, again.stderr
    assert json.loads(report.read_text())["reused_batches"] == len(done)


@pytest.mark.slow
def test_a_killed_run_ends_crashed_by_a_sweep_of_its_own_machine_alone(team: Team, tmp_path: Path) -> None:
    clip = grey_clip(team.home / f"{tmp_path.name}.mp4", 8)
    team.misbehave(sleep_s=3.0)
    killed = team.shell.popen("run", clip, "--model", MODEL, "--batch-size", "4", "--cluster", team.address)
    until(lambda: team.seen.named(f"{clip.name} in tests.flows.faulty-paint"))
    (run,) = team.seen.named(f"{clip.name} in tests.flows.faulty-paint")
    until(lambda: any("batch" in one.name for one in team.seen.task_runs(run.id, settled=False)))
    killed.kill()
    killed.wait()
    _sweep(tmp_path, team)
    assert team.seen.state(run.id) == "Running"
    _sweep(team.home, team)
    assert team.seen.state(run.id) == "Crashed"
    states = {one.state_name for one in team.seen.task_runs(run.id)}
    assert states <= {"Completed", "NotNeeded", "Crashed", "Cancelled"}
    assert not list((team.home / "running").iterdir())


def _sweep(home: Path, team: Team) -> None:
    """As at the start of `restyle up` on a machine with this home."""
    environment = {**os.environ, **team.shell.environment, "RESTYLE_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "flows.sweeping"], env=environment, check=True, timeout=120)


def _batches_on(dask_scheduler: Any) -> int:  # distributed's Scheduler, which types nothing
    return sum("style_batch" in str(key) for key in dask_scheduler.tasks)
