"""Announces the end of each painted video as an event, on which a team hangs automations of its own."""

from typing import Any

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event

from restyle.report import Report

FINISHED = "restyle.video.finished"
FAILED = "restyle.video.failed"


def announce(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # flows of any parameters
    """A hook for on_completion, on_failure and on_crashed of a flow whose parameter `video` is a key.

    The event is about the resource ``restyle.video.KEY``; its payload says what was asked for and what came of it.
    """
    asked = flow_run.parameters
    emit_event(
        event=FINISHED if state.is_completed() else FAILED,
        resource={"prefect.resource.id": f"restyle.video.{asked['video']}", "prefect.resource.name": asked["video"]},
        related=[
            {
                "prefect.resource.id": f"prefect.flow-run.{flow_run.id}",
                "prefect.resource.role": "flow-run",
                "prefect.resource.name": flow_run.name,
            },
            {
                "prefect.resource.id": f"prefect.flow.{flow_run.flow_id}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": flow.name,
            },
        ],
        payload={"asked": asked, "state": state.name, "message": state.message, **_made(state)},
    )


def _made(state: State[Any]) -> dict[str, str | int]:
    """What a finished run made, in words that an automation can pass on."""
    report = state.result(raise_on_failure=False) if state.is_completed() else None
    if not isinstance(report, Report):
        return {}
    return {"job_id": report.job_id, "frames": report.frames_out, "output": report.output.key}
