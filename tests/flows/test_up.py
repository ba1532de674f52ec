"""`restyle up`, the real thing: everything starts, lives through the death of its parts, and leaves nothing behind."""

import json
import os
import signal
import urllib.error
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from restyle.azurite import VERSION, install
from restyle.chaos.subject import await_that
from restyle.media.probe import probe_video
from tests.azurite import FOLDER
from tests.flows.conftest import FRAMES, Shell
from tests.media.recipes import ffmpeg
from tests.team import FAULTY, Team

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LONG_FRAMES, LONG_BATCHES = 120, 2
"""One worker gets two batches, of half a minute or so each."""
EVERY_S = 2
DEPLOYMENTS = ["paint-folder", "preview-styles", "stylize-video", "train-style", "watch-store"]


def nightly_schedule(team: Team) -> dict[str, Any]:
    """The schedule of paint-folder that prefect.yaml gives it, beside those that were made on the page."""
    made = team.ask("/deployments/name/paint-folder/paint-folder")["schedules"]
    found: dict[str, Any] = next(one for one in made if one["slug"] == "nightly")
    return found


def test_the_deployments_of_prefect_yaml_are_there_and_refuse_what_the_form_does_not_offer(team: Team) -> None:
    found = {one["name"]: one for one in team.ask("/deployments/filter", {}) if one["name"] != FAULTY}
    assert sorted(found) == DEPLOYMENTS
    for one in found.values():
        assert one["description"], one["name"]
        assert "restyle" in one["tags"], one["name"]
        assert one["global_concurrency_limit"]["limit"] >= 1, one["name"]
    stylize = found["stylize-video"]
    for wrong in ({"strength": 3}, {"codec": "mp2"}, {"style": 7}, {"max_side": 1}, {"video": ""}):
        asked = {"parameters": {"video": "a.mp4", "style": "wave", **wrong}}
        with pytest.raises(urllib.error.HTTPError) as refused:
            team.ask(f"/deployments/{stylize['id']}/create_flow_run", asked)
        assert refused.value.code == 409
    assert not [run for run in team.runs("stylize-video") if run["parameters"].get("video") == "a.mp4"]
    schedules = {one["slug"]: one["active"] for name in found for one in found[name]["schedules"] if one["slug"]}
    assert schedules == {"sweep": False, "nightly": False}


def test_a_schedule_that_is_switched_on_yields_scheduled_runs(team: Team) -> None:
    nightly = nightly_schedule(team)
    schedule = f"/deployments/{nightly['deployment_id']}/schedules/{nightly['id']}"
    before = len(team.runs("paint-folder", "SCHEDULED"))
    team.ask(schedule, {"active": True}, "PATCH")
    await_that(lambda: len(team.runs("paint-folder", "SCHEDULED")) >= before + 3, 400)
    assert team.runs("paint-folder")[0]["parameters"] == {"folder": "nightly", "style": "starry_night"}


def test_a_dropped_video_is_painted_although_worker_and_sensor_were_killed(team: Team, clip: Path) -> None:
    for words in ("worker start", "flows.watch_store"):
        os.kill(team.one(words), signal.SIGKILL)
    await_that(lambda: all(f"{name}: started again" in team.said for name in ("worker", "sensor")), 600)
    before = team.outputs()
    (team.home / "data/inbox/starry_night/small clip.mp4").write_bytes(clip.read_bytes())
    await_that(lambda: "COMPLETED" in _states(team, "small clip.mp4 in starry_night"), 600)
    assert len(_states(team, "small clip.mp4 in starry_night")) == 1
    (painted,) = set(team.outputs()) - set(before)
    assert probe_video(painted).frame_count == FRAMES


def test_a_second_up_of_the_same_home_or_port_is_refused(team: Team, tmp_path: Path) -> None:
    refused = Shell(tmp_path)("up", "--port", str(team.port))
    assert refused.returncode == 2
    assert f"--port {team.port}: something listens there already" in refused.stderr


def test_killed_with_9_in_a_run_it_leaves_no_process_and_started_again_goes_on_where_it_was(
    team: Team, clip: Path
) -> None:
    long = long_clip(team.home / "long.mp4")
    team.data.write("inbox/starry_night/long.mp4", long.read_bytes())
    await_that(lambda: team.recorded("long.mp4") >= 1, 600)
    assert _slots(team) == 1
    order = json.dumps({"video": "inbox/starry_night/small.mp4", "style": "wave"})
    team.data.write("inbox/starry_night/small.mp4", clip.read_bytes())
    team.data.write("triggers/order.json", order.encode())
    team.stop(signal.SIGKILL)
    await_that(lambda: not team.processes(), 180)
    recorded = team.recorded("long.mp4")
    assert recorded == LONG_BATCHES - 1, "the run was to be at work still"

    team.start()
    assert _states(team, "long.mp4 in starry_night") == ["CRASHED"]
    dropped = ("small.mp4 in starry_night", "small.mp4 in wave")
    await_that(lambda: all("COMPLETED" in _states(team, name) for name in dropped), 600)
    (crashed,) = (run for run in team.runs("stylize-video") if run["name"] == "long.mp4 in starry_night")
    team.retry(crashed["id"])
    await_that(lambda: _states(team, "long.mp4 in starry_night") == ["COMPLETED"], 600)
    assert _report(team, "long.mp4")["reused_batches"] == recorded
    assert [_states(team, name) for name in dropped] == [["COMPLETED"], ["COMPLETED"]]  # none lost, none doubled
    await_that(lambda: _slots(team) == 0, 180)
    assert nightly_schedule(team)["active"]  # as it was set on the dashboard


def test_ctrl_c_ends_everything(team: Team) -> None:
    assert team.stop(signal.SIGINT) == 0
    await_that(lambda: not team.processes(), 5)  # what workers were forked from ends when nobody can ask for more


def test_what_a_public_sdk_uploads_to_azurite_is_painted_with_nobody_touching_anything(
    tmp_path: Path, clip: Path
) -> None:
    main = install(FOLDER)
    (tmp_path / "azurite").mkdir()
    (tmp_path / "azurite" / VERSION).symlink_to(main.parents[5])  # so that it is not fetched again
    team = Team(tmp_path, options=("--azurite", "--workers", "1", "--every", str(EVERY_S)))
    try:
        team.start()
        await_that(lambda: "watching" in (team.home / "up/logs/sensor.log").read_text(), 600)
        account = team.said.partition("for any tool of Azure's: ")[2].splitlines()[0]
        with ContainerClient.from_connection_string(account, "data", api_version="2025-11-05") as container:
            container.upload_blob("inbox/wave/uploaded.mp4", clip.read_bytes())
            uploaded = datetime.now(UTC)
            await_that(lambda: bool(team.runs("stylize-video")), 600)
            (run,) = team.runs("stylize-video")
            assert (datetime.fromisoformat(run["created"]) - uploaded).total_seconds() < EVERY_S + 2
            await_that(lambda: _states(team, "uploaded.mp4 in wave") == ["COMPLETED"], 600)
            (painted,) = (one.name for one in container.list_blobs("runs/") if "/output." in one.name)
            (team.home / "painted.mp4").write_bytes(container.download_blob(painted).readall())
        assert probe_video(team.home / "painted.mp4").frame_count == FRAMES
    finally:
        if team.process and team.process.poll() is None:
            team.stop()


def long_clip(target: Path) -> Path:
    """Large enough that a kill meets it half painted."""
    picture = f"testsrc2=size=480x270:rate=24:duration={LONG_FRAMES / 24}"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", target)
    return target


def _states(team: Team, name: str) -> list[str]:
    """Types of the states of the runs of a name."""
    return [run["state_type"] for run in team.runs("stylize-video") if run["name"] == name]


def _slots(team: Team) -> int:
    """How many of stylize-video's slots are taken."""
    limit = team.ask("/deployments/name/stylize-video/stylize-video")["global_concurrency_limit"]
    return int(limit["active_slots"])


def _report(team: Team, video: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(team.data.read(f"runs/{team.job(video)}/report.json"))
    return report
