"""Whether a run still wants its work: asked of the Prefect API beside the work, every two seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.runtime import flow_run

from restyle.errors import RunStopped

LOOK_S = 2.0


@contextmanager
def watching() -> Iterator[Callable[[], None]]:
    """Gives a function that raises RunStopped once this attempt at the run is over: cancelled, ended or retried."""
    if flow_run.id is None:  # a task on its own: no run that could be cancelled
        yield lambda: None
        return
    watch = _Watch(get_client(sync_client=True), UUID(flow_run.id), flow_run.run_count)
    watch.start()
    try:
        yield watch.require_wanted
    finally:
        watch.ended.set()


class _Watch(Thread):
    """Asks by the client of the thread that has the run's settings. It may outlast that: then it asks in vain, once."""

    def __init__(self, client: SyncPrefectClient, run_id: UUID, attempt: int) -> None:
        super().__init__(name=f"watch {run_id}", daemon=True)
        self.ended = Event()
        self._client, self._run_id, self._attempt = client, run_id, attempt
        self._reason = ""

    def run(self) -> None:
        while not self._reason:
            with suppress(Exception):  # whatever keeps the server from answering cancels nothing
                self._reason = _why_over(self._client.read_flow_run(self._run_id), self._attempt)
            if self.ended.wait(LOOK_S):
                return

    def require_wanted(self) -> None:
        if self._reason:
            raise RunStopped(self._reason)


def _why_over(run: FlowRun, attempt: int) -> str:
    if run.state is not None and (run.state.is_cancelling() or run.state.is_cancelled()):
        return "the run was cancelled; what is painted is kept"
    if run.run_count > attempt:
        return "the run was started again, and this attempt at it is over"
    if run.state is not None and run.state.is_final():
        return f"the run has ended ({run.state.name}) without waiting for this"
    return ""
