"""Who works on a run's cluster."""

from datetime import UTC, datetime
from typing import Any

from restyle.board import WorkerSeen
from tasks.workers import worker_name


class Roll:
    """Every worker that was seen since this began, also those that are gone."""

    def __init__(self) -> None:
        self.workers: dict[str, WorkerSeen] = {}
        self.dashboard = ""
        self._names: dict[str, str] = {}

    def call(self, runner: Any) -> None:  # prefect-dask's runner, which only flows/cluster.py knows by type
        """Ask the scheduler of a runner whose cluster was started."""
        client = runner.client
        self.dashboard = client.dashboard_link or ""
        there = client.scheduler_info(n_workers=-1)["workers"]
        if new := [address for address in there if address not in self._names]:
            self._names |= client.run(worker_name, workers=new, on_error="ignore")
        for address, seen in self.workers.items():
            if address not in there:
                self.workers[address] = seen._replace(state="gone")
        for address, worker in there.items():
            at_work = worker["metrics"].get("task_counts", {}).get("executing")
            self.workers[address] = WorkerSeen(
                name=self._names.get(address, address),
                state="at work" if at_work else "idle" if worker["status"] == "running" else worker["status"],
                last_seen=datetime.fromtimestamp(worker["last_seen"], UTC),
                memory_bytes=worker["metrics"].get("memory", 0),
            )
