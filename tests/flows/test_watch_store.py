"""The watcher as a team has it: processes of its own, a real Prefect server and Azurite, uploads by others' means."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from flows.watch_store import starting, watch_store
from restyle.errors import OrderRefused, ServerUnavailable
from restyle.order import VideoOrder
from restyle.sensor import Receipt, Sweep
from restyle.storage import open_store
from tests.azurite import Azurite, azurite, queues
from tests.sensor.test_events import event

__all__ = ["azurite", "queues"]

Deployment = tuple[str, Callable[[], list[FlowRun]]]
API = "2025-11-05"
EVERY_S = 3.0
TRIGGERS = 50


@flow(name="stylize-nothing")
def stylize_nothing(video: str, style: str | None = None, codec: Literal["h264"] = "h264") -> None:
    """Stands for the flow that paints: its runs are counted, and nobody works on them."""


@pytest.fixture
def deployment(server: str) -> Iterator[Deployment]:
    """The name of a deployment without a worker, and its runs."""
    name = uuid.uuid4().hex
    with temporary_settings({PREFECT_API_URL: server}), get_client(sync_client=True) as client:
        made = client.create_deployment(
            flow_id=client.create_flow(stylize_nothing),
            name=name,
            parameter_openapi_schema=parameter_schema(stylize_nothing).model_dump_for_openapi(),
            enforce_parameter_schema=True,
        )
        chosen = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[made]))
        yield f"stylize-nothing/{name}", lambda: client.read_flow_runs(flow_run_filter=chosen, limit=200)


@contextmanager
def watcher(environment: dict[str, str], deployment: str, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "flows.watch_store", "--every", str(EVERY_S), "--deployment", deployment]
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
    try:
        until(lambda: "watching" in said.read_text() or process.poll() is not None, 600)
        assert process.poll() is None, said.read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def until(truth: Callable[[], Any], seconds: float) -> Any:
    """What becomes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := truth()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    return found


@pytest.mark.slow
def test_what_others_upload_becomes_one_scheduled_run_each_whoever_is_killed(
    server: str, azurite: Azurite, queues: Azurite, deployment: Deployment, tmp_path: Path
) -> None:
    """One watcher looks at the store, the other is told by a queue, three times of each blob."""
    name, runs = deployment
    specs = {kind: azurite.connection_string(f"{kind}-{uuid.uuid4().hex}") for kind in ("data", "control")}
    environment = {
        **os.environ,
        "PREFECT_API_URL": server,
        **{f"RESTYLE_{kind.upper()}_STORE": spec for kind, spec in specs.items()},
    }
    account, _, container = specs["data"].rpartition(";ContainerName=")
    told = queues.queue(container)
    control = open_store(specs["control"])
    with (
        QueueClient.from_connection_string(told.rpartition(";QueueName=")[0], container, api_version=API) as queue,
        ContainerClient.from_connection_string(account, container, api_version=API) as client,
        watcher(environment, name, tmp_path / "first.log") as first,
        watcher({**environment, "RESTYLE_EVENT_QUEUE": told}, name, tmp_path / "second.log") as second,
    ):
        queue.create_queue()
        client.create_container()
        client.upload_blob("inbox/wave/clip.mp4", b"video")
        uploaded = datetime.now(UTC)
        [run] = until(runs, 600)
        assert run.created is not None
        assert (run.created - uploaded).total_seconds() < EVERY_S + 2
        assert (run.state_name, run.parameters) == ("Scheduled", {"video": "inbox/wave/clip.mp4", "style": "wave"})
        assert (run.name, "dropped" in run.tags) == ("clip.mp4 in wave", True)

        order = json.dumps({"video": "inbox/wave/clip.mp4", "style": "wave"})
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: client.upload_blob(f"triggers/{n}.json", order), range(TRIGGERS)))
            told_of = [json.dumps(event(container, f"triggers/{n}.json")) for n in range(TRIGGERS)] * 3
            list(pool.map(queue.send_message, told_of))
        until(lambda: len(runs()) > TRIGGERS / 5, 600)
        first.kill()
        until(lambda: len(list(control.list("receipts/"))) == TRIGGERS + 1, 400)
        until(lambda: queue.get_queue_properties().approximate_message_count == 0, 600)
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
    made = runs()
    receipts = [Receipt.model_validate_json(control.read(blob.key)) for blob in control.list("receipts/")]
    assert len(made) == TRIGGERS + 1
    assert {each.run.run_id for each in receipts if each.run} == {str(run.id) for run in made}
    assert {each.blob for each in receipts} == {"inbox/wave/clip.mp4", *(f"triggers/{n}.json" for n in range(TRIGGERS))}


@pytest.mark.slow
def test_the_flow_looks_once_and_tells_what_cannot_be_done_from_what_cannot_be_done_now(
    server: str, deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, runs = deployment
    monkeypatch.setenv("RESTYLE_HOME", str(tmp_path))
    data = open_store((tmp_path / "data").as_uri())
    data.write("videos/clip.mp4", b"video")
    data.write("triggers/good.json", b'{"video": "videos/clip.mp4", "style": "wave"}')
    data.write("triggers/odd.json", b'{"video": "videos/clip.mp4", "style": "wave", "codec": "av1"}')
    with temporary_settings({PREFECT_API_URL: server}):
        assert watch_store("stylize-nothing/none", still_s=0) == Sweep(failed=2)
        assert watch_store(name, still_s=0) == Sweep(started=1, refused=1)
        assert watch_store(name, still_s=0) == Sweep()
    assert b"codec" in data.read("triggers/rejected/odd.reason.txt")
    assert [run.parameters["video"] for run in runs()] == ["videos/clip.mp4"]
    order = VideoOrder(video="videos/clip.mp4", style="wave")
    with temporary_settings({PREFECT_API_URL: server}):
        assert starting(name)(order, "a") == starting(name)(order, "a") != starting(name)(order, "b")
        with pytest.raises(OrderRefused, match="409"):
            starting(name)(order.model_copy(update={"codec": "av1"}), "c")
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(ServerUnavailable, match="does not answer"),
    ):
        starting(name)(order, "d")
