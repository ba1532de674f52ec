"""The commands of the compose file, run as processes: a dropped video is painted by them."""

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client
from distributed.scheduler import Scheduler

from flows.cluster import WORKER_ENVIRONMENT
from restyle.chaos.subject import await_that
from restyle.media.probe import probe_video
from restyle.storage import Store, open_store
from tests.deployments.stand import Stand, stand
from tests.media.recipes import ffmpeg
from tests.processes import has_from_its_start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]  # a whole deployment, on a machine that may be busy

FRAMES = 12
BEFORE = ("azurite", "server")
AFTER = ("scheduler", "cpu-worker", "worker", "sensor")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Everything up and healthy, in the order of the compose file's conditions."""
    with stand(tmp_path_factory.mktemp("stand")) as services:
        assert services.run("certificate") == 0, services.said("certificate")
        for name in BEFORE:
            services.start(name)
        services.await_health("server")
        assert services.run("deployments") == 0, services.said("deployments")
        for name in AFTER:
            services.start(name)
            services.await_health(name)
        yield services


@pytest.fixture(scope="module")
def data(composed: Stand) -> Iterator[Store]:
    """The data store, as the composed services see it."""
    environment = composed.environment("worker")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", environment["REQUESTS_CA_BUNDLE"])
        yield open_store(environment["RESTYLE_DATA_STORE"])


def test_a_dropped_video_is_painted_by_what_the_compose_file_starts(
    composed: Stand, data: Store, clip: Path, tmp_path: Path
) -> None:
    data.write("inbox/starry_night/clip.mp4", clip.read_bytes())
    await_that(lambda: _run(composed)["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED"), 400)
    assert _run(composed)["state"]["type"] == "COMPLETED", _run(composed)["state"]["message"]
    (output,) = (blob.key for blob in data.list("runs/") if "/output." in blob.key)
    painted = tmp_path / "painted.mp4"
    painted.write_bytes(data.read(output))
    assert probe_video(painted).frame_count == FRAMES


def test_scheduler_and_worker_that_are_started_by_hand_keep_to_our_settings(composed: Stand) -> None:
    with Client(composed.environment("worker")["RESTYLE_CLUSTER"], timeout=60) as client:
        (worker,) = client.scheduler_info()["workers"].values()
        assert worker["nthreads"] == 1
        assert client.run_on_scheduler(_allowed_failures) == 1
        assert list(client.run(dask.config.get, "distributed.worker.memory.pause").values()) == [False]
        (process,) = client.run(os.getpid).values()
        assert has_from_its_start(process, WORKER_ENVIRONMENT)


def test_each_of_them_ends_within_its_grace_when_told_to(composed: Stand) -> None:
    for name in reversed(AFTER):
        killed = composed.stop(name) < 0
        # On a busy machine Prefect's own worker may take the signal for nothing: what it was at is swept, and retried.
        assert not killed or name == "worker", name


def test_the_server_takes_a_pool_of_azure_container_instances(composed: Stand) -> None:
    _ask(composed, "/work_pools/restyle", method="DELETE")
    values = json.dumps({"image": "registry.example/restyle-cpu:1", "cpu": 4, "entrypoint": ""})
    assert composed.run("deployments", "--container-instances", values) == 0, composed.said("deployments")
    pool = _ask(composed, "/work_pools/restyle")
    assert pool["type"] == "azure-container-instance"
    fields = pool["base_job_template"]["variables"]["properties"]
    assert (fields["image"]["default"], fields["cpu"]["default"]) == ("registry.example/restyle-cpu:1", 4)
    assert composed.run("deployments", "--container-instances", '{"colour": 1}') == 2


def _allowed_failures(dask_scheduler: Scheduler) -> int:
    return int(dask_scheduler.allowed_failures)


def _run(composed: Stand) -> dict[str, Any]:
    """The run of the one video; a pending one before there is any."""
    found: list[dict[str, Any]] = _ask(composed, "/flow_runs/filter", {"flows": {"name": {"any_": ["stylize-video"]}}})
    return found[0] if found else {"state": {"type": "PENDING"}}


def _ask(composed: Stand, path: str, body: object = None, method: str | None = None) -> Any:  # whatever the API answers
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{composed.url('4200')}/api{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of 96x64 pixels with sound."""
    target = tmp_path_factory.mktemp("clip") / "clip.mp4"
    picture, sound = "testsrc2=size=96x64:rate=12:duration=1", "sine=duration=1"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-pix_fmt", "yuv420p", target)
    return target
