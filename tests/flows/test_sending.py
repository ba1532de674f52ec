"""What a worker's process keeps from one task to the next."""

from importlib import import_module
from typing import Any

import pytest
from distributed import LocalCluster
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.context import SettingsContext
from prefect.settings import PREFECT_API_URL, PREFECT_TASKS_DEFAULT_RETRIES, temporary_settings

from flows.cluster import ClusterChoice, task_runner

KEPT: list[tuple[Any, Any]] = []
"""A client and settings of each task; all of them live on, so that none is taken for another."""


@task
def look() -> int:
    """What the run's settings say of retries."""
    context = SettingsContext.get()
    assert context is not None
    kept = import_module("tests.flows.test_sending").KEPT  # a task brings copies of the globals it names
    kept.append((get_client(sync_client=True), context.settings))
    return int(context.settings.tasks.default_retries)


@pytest.mark.slow
def test_tasks_share_a_client_and_settings_until_a_run_has_others(server: str) -> None:
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:

        @flow(task_runner=task_runner(ClusterChoice(kind=cluster.scheduler_address, workers=1)))
        def run() -> list[int]:
            return [look.submit().result(), look.submit(return_state=True).result()]

        with temporary_settings({PREFECT_API_URL: server}):
            assert run() == [0, 0]
        with temporary_settings({PREFECT_API_URL: server, PREFECT_TASKS_DEFAULT_RETRIES: 3}):
            assert run() == [3, 3]
    (first, second, third, fourth) = KEPT
    assert first[0] is second[0] is not third[0] is fourth[0]
    assert first[1] is second[1] is not third[1] is fourth[1]
