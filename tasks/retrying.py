"""What every task shares: no caching (the ledger is asked instead) and retries of what is transient."""

from typing import Any, TypedDict, TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Cancelled, Completed
from prefect.tasks import exponential_backoff

from restyle.errors import RunStopped, is_transient

RETRIES = 4
Result = TypeVar("Result")


def is_worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task run failed by something that may pass."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and is_transient(error)


class Options(TypedDict):
    """The keyword arguments of `prefect.task` that all tasks here have in common."""

    cache_policy: CachePolicy
    persist_result: bool
    retries: int
    retry_delay_seconds: Any  # prefect's own type is a union of five
    retry_jitter_factor: float
    retry_condition_fn: Any


RETRYING: Options = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": RETRIES,
    "retry_delay_seconds": exponential_backoff(backoff_factor=1),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_worth_retrying,
}


def already(name: str, message: str, result: Result) -> Result:
    """Returned by a step that finds its work done: it ends Completed under `name`, with `result`.

    Prefect takes a state that a task returns for the state of its run, hence the type; callers of such a task ask
    for the state (`return_state=True`) and take the result from it.
    """
    return cast(Result, Completed(name=name, message=message, data=result))


def stopped(reason: RunStopped) -> State[Any]:
    """Returned by a step whose run is over before it: it ends Cancelled."""
    return Cancelled(message=str(reason))
