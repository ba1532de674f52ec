"""No run and no task run stays Running when its process is gone, and none Pending when its worker is.

A process that conducts a run holds a lock in RESTYLE_HOME (`restyle.presence`), which the kernel lets go when the
process ends, however it ends. A run is therefore taken for dead by a free lock and by nothing else: one that is
conducted on another machine has no lock here, and is left to the sweeps there. A task run is taken for dead when its
run is over: batches of such a run stop by themselves, on any machine (`tasks.watching`). A run that a worker took from
its queue and never started is given back to the queue once the worker sends no heartbeat any more.
"""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, State, StateType, WorkerStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.runtime import flow_run
from prefect.states import Cancelled, Crashed, Scheduled

from restyle.errors import RunStopped
from restyle.presence import Attempt, abandoned, forget, present
from restyle.settings import Settings

RECORDED_WITHIN_S = 7.0
"""The server writes down what happened to task runs every five seconds: what it says of them is so much older."""

TAKEN_WITHIN_S = 120.0
"""A worker takes seconds from taking a run to starting it; one that died is known for it after 90."""

FLOWS = ("stylize-video", "train-style", "preview-styles", "paint-folder", "watch-store")
UNFINISHED = [kind for kind in StateType if kind not in TERMINAL_STATES and kind != StateType.SCHEDULED]
RUN_GONE = "the process that conducted this run is gone; what it painted is kept"
WORKER_GONE = "the worker that was to start this run is gone"
TASK_GONE = "its run is over, and nothing works at this any more"

log = logging.getLogger(__name__)


@contextmanager
def attending() -> Iterator[None]:
    """Around all that a flow does: shows that this process is at it, and sweeps up in the end."""
    if flow_run.id is None:  # the flow's function was called by itself
        yield
        return
    run_id, number = UUID(flow_run.id), flow_run.run_count
    with present(Settings().home, Attempt(run_id, number)):
        if number > 1:
            with get_client(sync_client=True) as client:
                _end_task_runs(client, flow_runs={"id": {"any_": [run_id]}}, before_attempt=number)
        try:
            yield
        except RunStopped as reason:
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run_id, Cancelled(message=str(reason)), force=True)
            raise
        finally:
            sweep()


def sweep() -> None:
    """End what dead processes left Running. A server that does not answer leaves it to the next sweep."""
    try:
        with get_client(sync_client=True) as client:
            if sum(_end_run(client, attempt) for attempt in abandoned(Settings().home)):
                time.sleep(RECORDED_WITHIN_S)
            ended = datetime.now(UTC) - timedelta(seconds=RECORDED_WITHIN_S)
            over = {"state": {"type": {"any_": list(TERMINAL_STATES)}}, "end_time": {"before_": ended}}
            _end_task_runs(client, flow_runs=over)
            _give_back(client)
    except Exception as error:  # noqa: BLE001  (sweeping up must not fail a run whose work is done)
        log.warning("dead runs were not swept up (%s: %s)", type(error).__name__, error)


def end_task_run(task_run_id: UUID, state: State[Any], task: Task[..., Any], name: str) -> None:
    """Give a task run of this run its last state, and its name, when its process died.

    What that process still had to tell of it may have died as well, or come too late to count: that it started, with
    which it gets its name, or all of it.
    """
    deadline = time.monotonic() + RECORDED_WITHIN_S
    with get_client(sync_client=True) as client:
        while not _set_state(client, task_run_id, state):
            if time.monotonic() > deadline:
                client.create_task_run(task, UUID(flow_run.id), dynamic_key=str(task_run_id), id=task_run_id, name=name)
            time.sleep(0.5)
        client.set_task_run_name(task_run_id, name)


def _set_state(client: SyncPrefectClient, task_run_id: UUID, state: State[Any]) -> bool:
    """Whether the server knows of the task run."""
    try:
        client.set_task_run_state(task_run_id, state, force=True)
    except PrefectHTTPStatusError as error:  # other questions raise ObjectNotFound
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def _end_run(client: SyncPrefectClient, attempt: Attempt) -> bool:
    """Whether the run is one of this server, and is ended."""
    try:
        run = client.read_flow_run(attempt.run)
    except ObjectNotFound:
        return False  # another server's: a sweep that speaks to that one will come
    if run.run_count == attempt.number and run.state is not None and run.state.type in UNFINISHED:
        gone = Cancelled if run.state.is_cancelling() else Crashed
        client.set_flow_run_state(run.id, gone(message=RUN_GONE), force=True)
        log.warning("%s: %s", run.name, RUN_GONE)
    forget(Settings().home, attempt)
    return True


def _give_back(client: SyncPrefectClient) -> None:
    """Schedule anew what a worker had taken when it died, which Prefect leaves Pending for good."""
    taken = client.read_flow_runs(
        flow_filter=FlowFilter.model_validate({"name": {"any_": FLOWS}}),
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.PENDING]}}}),
    )
    long_ago = datetime.now(UTC) - timedelta(seconds=TAKEN_WITHIN_S)
    for run in taken:
        if run.state is None or run.state.timestamp > long_ago or _is_being_started(client, run):
            continue
        if client.read_flow_run(run.id).state_id == run.state_id:  # no other sweep was quicker
            client.set_flow_run_state(run.id, Scheduled(message=WORKER_GONE), force=True)
            log.warning("%s: %s", run.name, WORKER_GONE)


def _is_being_started(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether it has a process or a machine that may live, or else the worker that took it does.

    Each start of a worker has a name of its own.
    """
    host, _, process = (run.infrastructure_pid or "").rpartition(":")
    if host == socket.gethostname() and Path("/proc", process).exists():
        return True
    name, kind = (run.labels.get(f"prefect.worker.{what}") for what in ("name", "type"))
    if run.work_pool_name is None or (kind != "process" and run.infrastructure_pid):
        return True
    workers = client.read_workers_for_work_pool(run.work_pool_name)
    return any(worker.name == name and worker.status == WorkerStatus.ONLINE for worker in workers)


def _end_task_runs(client: SyncPrefectClient, flow_runs: dict[str, Any], before_attempt: int | None = None) -> None:
    found = client.read_task_runs(
        flow_filter=FlowFilter.model_validate({"name": {"any_": FLOWS}}),
        flow_run_filter=FlowRunFilter.model_validate(flow_runs),
        task_run_filter=TaskRunFilter.model_validate({"state": {"type": {"any_": UNFINISHED}}}),
    )
    for one in found:
        if before_attempt is None or one.flow_run_run_count < before_attempt:
            _set_state(client, one.id, Crashed(message=TASK_GONE))


if __name__ == "__main__":
    sweep()
