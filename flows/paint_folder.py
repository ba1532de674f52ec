"""The flow that orders every video below a folder of the data store: by night, what is new or changed gets painted."""

from pathlib import PurePosixPath

from prefect import flow
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.runtime import flow_run

from flows.forms import Style
from flows.request import order_of, title
from flows.sweeping import attending
from restyle.order import StoreKey
from restyle.progress import step
from tasks.stores import open_stores

DEPLOYMENT = "stylize-video/stylize-video"
SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".3gp"})


@flow(name="paint-folder", flow_run_name="{folder} in {style}", persist_result=False)
@attending()
def paint_folder(folder: StoreKey, style: Style) -> list[str]:
    """Start a run for every video below a folder of the data store. What was painted before is not painted again.

    Args:
        folder: The folder in the data store: nightly, or videos/holiday
        style: A style's name, or a mix of names: starry_night:0.6,wave:0.4
    """
    started = []
    for blob in open_stores().data.list(folder.rstrip("/") + "/"):
        if PurePosixPath(blob.key).suffix.lower() not in SUFFIXES:
            continue
        run = run_deployment(
            DEPLOYMENT,
            parameters=order_of(video=blob.key, style=style).parameters(),
            flow_run_name=title(blob.key, style),
            timeout=0,
            as_subflow=False,
            idempotency_key=f"{flow_run.id} {blob.key}",  # a retry of this run orders nothing twice
        )
        assert isinstance(run, FlowRun)  # and no coroutine: this is no async code
        started.append(run.name)
    step(f"ordered {len(started)} videos of {folder}/ in {style}")
    return started
