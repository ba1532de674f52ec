"""What a worker left when it died between taking a run and starting it."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.states import Pending

from flows import sweeping
from tests.flows.dashboard import Dashboard, dashboard
from tests.flows.deployed import paint


def taken(seen: Dashboard, pool: str, worker: str | None, kind: str = "process", infrastructure: str = "") -> UUID:
    """A run that a worker took from the queue of a pool and did not start yet; worker: its name, if it left one."""
    deployment = seen.client.create_deployment(seen.client.create_flow(paint), str(uuid4()), work_pool_name=pool)
    run = seen.client.create_flow_run_from_deployment(deployment, state=Pending(name="Submitting"))
    if worker:
        labels: dict[str, Any] = {"prefect.worker.name": worker, "prefect.worker.type": kind}
        seen.client.update_flow_run_labels(run.id, labels)
    if infrastructure:
        seen.client.update_flow_run(run.id, infrastructure_pid=infrastructure)
    return run.id


def test_a_run_whose_worker_died_before_it_started_is_given_back_and_others_are_left(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTYLE_HOME", str(tmp_path))
    with dashboard(server) as seen:
        pool = seen.client.create_work_pool(WorkPoolCreate(name=f"pool-{uuid4()}", type="process")).name
        seen.client.send_worker_heartbeat(pool, "alive", 300)
        left = [
            taken(seen, pool, "alive"),
            taken(seen, pool, "dead", kind="azure-container-instance", infrastructure="a machine of its own"),
        ]
        lost = [taken(seen, pool, "dead"), taken(seen, pool, "dead", infrastructure="host:1"), taken(seen, pool, None)]
        sweeping.sweep()
        assert {seen.run(run).state_type for run in left + lost} == {StateType.PENDING}, "taken a moment ago"
        monkeypatch.setattr(sweeping, "TAKEN_WITHIN_S", 0)
        sweeping.sweep()
        assert [seen.run(run).state_type for run in left] == [StateType.PENDING] * 2
        assert [seen.run(run).state_type for run in lost] == [StateType.SCHEDULED] * 3
