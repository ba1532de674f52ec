"""What a worker left when it died between taking a run and starting it."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run
from prefect.states import Crashed, Pending

from flows import sweeping
from flows.sweeping import end_task_run
from tasks.painting import style_batch
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


@pytest.mark.parametrize("told", [True, False], ids=["that-it-exists", "nothing"])
def test_a_task_run_has_its_name_whatever_its_dead_worker_had_told_of_it(
    told: bool, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "RECORDED_WITHIN_S", 1.0)
    task_run, name = uuid4(), "style batch 3: frames 12-15"
    with dashboard(server) as seen:
        run = seen.client.create_flow_run(paint, parameters={"request": {}})
        monkeypatch.setattr(flow_run, "id", str(run.id), raising=False)
        if told:
            seen.client.create_task_run(
                style_batch, run.id, dynamic_key=str(task_run), id=task_run, name="style-batch-abc"
            )
        end_task_run(task_run, Crashed(message="died"), style_batch, name)
        (found,) = seen.task_runs(run.id)
        assert (found.id, found.name, found.state_name) == (task_run, name, "Crashed")
