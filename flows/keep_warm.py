"""How long a worker of a cluster that grows and shrinks may be idle before it goes: what Dask itself does not ask."""

import time
from typing import Any

from distributed import SchedulerPlugin


class KeepWarm(SchedulerPlugin):  # type: ignore[misc]  # distributed publishes no types
    """Lets Dask, or its operator, take only workers that were idle for `seconds`. Lives in the scheduler."""

    name = "keep-warm"  # one that is registered later takes the place of this

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._busy: dict[str, float] = {}

    async def start(self, scheduler: Any) -> None:
        """Workers that are there already count as just joined."""
        self._busy = dict.fromkeys(scheduler.workers, time.monotonic())

    def add_worker(self, scheduler: Any, worker: str) -> None:  # noqa: ARG002  (as SchedulerPlugin has it)
        """A new worker may wait for its first batch."""
        self._busy[worker] = time.monotonic()

    def remove_worker(self, scheduler: Any, worker: str, **_: Any) -> None:  # noqa: ARG002
        """Forget it."""
        self._busy.pop(worker, None)

    def transition(self, key: Any, start: str, finish: str, *_: Any, worker: str = "", **__: Any) -> None:  # noqa: ARG002
        """A batch has ended: its worker is idle from now on, or gets another."""
        if start == "processing" and worker in self._busy:
            self._busy[worker] = time.monotonic()

    def valid_workers_downscaling(self, scheduler: Any, workers: list[Any]) -> list[Any]:  # noqa: ARG002
        """Those that are at work or were a moment ago stay."""
        cold = time.monotonic() - self._seconds
        return [one for one in workers if not one.processing and self._busy.get(one.address, cold) <= cold]
