"""A worker gets a batch when it is free, never before: what a scheduler runs as it starts, named in flows/dask.yaml.

Dask keeps back only tasks of groups that are larger than the cluster. The first few of a run, and all of a short one,
would be given to workers at once; and what waits on a worker dies with it, or waits there for a slow one.
"""

from collections.abc import Iterable
from typing import Any

from dask._task_spec import Task
from distributed import SchedulerPlugin


class KeepBack(SchedulerPlugin):  # type: ignore[misc]  # distributed publishes no types
    """Marks every task as Dask's own collections mark those that load data: one that waits with the scheduler."""

    name = "keep-back"

    def update_graph(self, scheduler: Any, *, tasks: Iterable[Any], **_: Any) -> None:
        """Tasks have come in, and were not given to workers yet."""
        for key in tasks:
            if isinstance(task := scheduler.tasks[key].run_spec, Task):
                task._data_producer = True


def dask_setup(scheduler: Any) -> None:
    """What Dask calls of a preload."""
    scheduler.add_plugin(KeepBack())
