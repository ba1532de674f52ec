"""The flow that tests deploy: as stylize-video, and with a user's own model, which that does not take."""

from typing import Any

from prefect import flow

from flows.cluster import configured_choice, configured_task_runner
from flows.request import Request
from flows.stylizing import stylize


@flow(name="stylize-video", task_runner=configured_task_runner(), persist_result=False)
def paint(request: dict[str, Any]) -> None:
    """Paint what is asked for, on the cluster that RESTYLE_CLUSTER names."""
    choice = configured_choice()
    stylize(Request(**request, threads=choice.threads, workers=choice.workers))
