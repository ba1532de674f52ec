"""The events at the end of a run, as a real server keeps them and an automation acts on them."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.blocks.webhook import Webhook
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.announcing import announce
from restyle.report import OutputSection, Report

EXAMPLE = Path(__file__).parents[2] / "deployments" / "automations" / "video-ended.yaml"
HOOKS: dict[str, Any] = {"on_completion": [announce], "on_failure": [announce], "on_crashed": [announce]}
KEY = 'inbox/wave/my "best" clip.mp4'
OUTPUT = "runs/J/encodings/E/output.mp4"


@flow(name="announced", persist_result=False, **HOOKS)
def announced(video: str, broken: bool = False) -> Report:
    """Ends as it is asked to."""
    if broken:
        raise ValueError("no frame in it")
    output = OutputSection(path=f"/store/{OUTPUT}", key=OUTPUT, bytes=1, codec="h264")
    made: dict[str, Any] = {"job_id": "J", "frames_out": 40, "output": output}
    return Report.model_construct(**made)


@pytest.fixture
def webhook() -> Iterator[tuple[str, "queue.Queue[dict[str, str]]"]]:
    """The address of a web server, and what is posted to it."""
    posted: queue.Queue[dict[str, str]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", posted
        listening.shutdown()


def apply_example(server: str, webhook_url: str, folder: Path) -> None:
    """Do what the example's first lines say."""
    block = Webhook(url=webhook_url).save("ended-videos")
    automation = folder / EXAMPLE.name
    automation.write_text(EXAMPLE.read_text().replace("00000000-0000-0000-0000-000000000000", str(block)))
    command = [sys.executable, "-m", "prefect", "automation", "create", "--from-file", str(automation)]
    subprocess.run(command, check=True, env={**os.environ, "PREFECT_API_URL": server}, capture_output=True, timeout=120)


def events(server: str, wanted: int) -> list[dict[str, Any]]:
    """The events about the video, as soon as as many as wanted are there."""
    asked = {"filter": {"resource": {"id": [f"restyle.video.{KEY}"]}}}
    deadline = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while len(found) < wanted and time.monotonic() < deadline:
        found = httpx.post(f"{server}/events/filter", json=asked, timeout=30).raise_for_status().json()["events"]
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_the_end_of_a_run_is_an_event_that_an_automation_acts_on(
    server: str, webhook: tuple[str, "queue.Queue[dict[str, str]]"], tmp_path: Path
) -> None:
    url, posted = webhook
    with temporary_settings({PREFECT_API_URL: server}):
        apply_example(server, url, tmp_path)
        announced(video=KEY)
        announced(video=KEY, broken=True, return_state=True)
        found = events(server, 2)
    by_name = {event["event"]: event for event in found}
    assert len(found) == 2
    assert set(by_name) == {"restyle.video.finished", "restyle.video.failed"}
    finished, failed = by_name["restyle.video.finished"]["payload"], by_name["restyle.video.failed"]["payload"]
    assert finished["asked"] == {"video": KEY, "broken": False}
    assert (finished["state"], finished["output"], finished["frames"]) == ("Completed", OUTPUT, 40)
    assert failed["state"] == "Failed"
    assert "no frame in it" in failed["message"]
    for event in found:
        assert {"flow-run", "flow"} <= {related["prefect.resource.role"] for related in event["related"]}
    calls = {call["event"]: call for call in (posted.get(timeout=60), posted.get(timeout=60))}
    assert calls["restyle.video.finished"]["output"] == OUTPUT
    assert calls["restyle.video.failed"]["video"] == KEY
    assert "no frame in it" in calls["restyle.video.failed"]["message"]
