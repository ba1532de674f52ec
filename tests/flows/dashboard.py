"""What the dashboard reads of runs and does to them, over the same API."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, TaskRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Cancelling

from restyle.chaos.subject import await_gone


class Dashboard:
    """One server, as a person sees it."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client

    def named(self, name: str) -> list[FlowRun]:
        """The runs of a name."""
        return self.client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate({"name": {"any_": [name]}}))

    def run(self, run_id: UUID) -> FlowRun:
        """A run as it is now."""
        return self.client.read_flow_run(run_id)

    def state(self, run_id: UUID) -> str:
        """The name of its state, as it is now."""
        return str(self.run(run_id).state_name)

    def task_runs(self, run_id: UUID, attempt: int = 1, settled: bool = True) -> list[TaskRun]:
        """The task runs of one attempt; once each has ended as far as the server knows, if they are to be settled.

        One that the server was told of only after its death belongs to no attempt (0).
        """
        chosen = FlowRunFilter.model_validate({"id": {"any_": [run_id]}})

        def read() -> list[TaskRun]:
            found = self.client.read_task_runs(flow_run_filter=chosen)
            return [one for one in found if one.flow_run_run_count in (0, attempt)]

        if settled:
            until(lambda: all(one.state_type in TERMINAL_STATES for one in read()), 180)
        return read()

    def retry(self, run_id: UUID) -> None:
        """What its Retry button does, pressed once the process of the attempt before is gone."""
        await_gone(self.run(run_id).infrastructure_pid)
        self.client.set_flow_run_state(run_id, AwaitingRetry())

    def cancel(self, run_id: UUID) -> None:
        """What its Cancel button does."""
        self.client.set_flow_run_state(run_id, Cancelling())


@contextmanager
def dashboard(server: str) -> Iterator[Dashboard]:
    """The dashboard of a server."""
    with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as client:
        yield Dashboard(client)


def until(reached: Callable[[], Any], timeout_s: float = 300) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s"
        time.sleep(0.2)
