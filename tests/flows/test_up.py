"""`restyle up`, the real thing: everything starts, lives through the death of its parts, and leaves nothing behind."""

import os
import signal
import urllib.error
from pathlib import Path

import pytest

from restyle.media.probe import probe_video
from tests.flows.conftest import FRAMES, Shell
from tests.team import Team, await_that

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEPLOYMENTS = ["paint-folder", "preview-styles", "stylize-video", "train-style", "watch-store"]


def test_the_deployments_of_prefect_yaml_are_there_and_refuse_what_the_form_does_not_offer(team: Team) -> None:
    found = {one["name"]: one for one in team.ask("/deployments/filter", {})}
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
    assert team.runs("stylize-video") == []
    schedules = {one["slug"]: one["active"] for name in found for one in found[name]["schedules"]}
    assert schedules == {"sweep": False, "nightly": False}


def test_a_schedule_that_is_switched_on_yields_scheduled_runs(team: Team) -> None:
    nightly = team.ask("/deployments/name/paint-folder/paint-folder")
    schedule = f"/deployments/{nightly['id']}/schedules/{nightly['schedules'][0]['id']}"
    team.ask(schedule, {"active": True}, "PATCH")
    await_that(lambda: len(team.runs("paint-folder", "SCHEDULED")) >= 3, 150)
    assert team.runs("paint-folder")[0]["parameters"] == {"folder": "nightly", "style": "starry_night"}


def test_a_dropped_video_is_painted_although_worker_and_sensor_were_killed(team: Team, clip: Path) -> None:
    for words in ("worker start", "flows.watch_store"):
        os.kill(team.one(words), signal.SIGKILL)
    await_that(lambda: all(f"{name}: started again" in team.said for name in ("worker", "sensor")), 60)
    (team.home / "data/inbox/starry_night/small clip.mp4").write_bytes(clip.read_bytes())
    await_that(lambda: bool(team.runs("stylize-video", "COMPLETED")), 300)
    (run,) = team.runs("stylize-video")
    assert run["name"] == "small clip.mp4 in starry_night"
    (painted,) = team.outputs()
    assert probe_video(painted).frame_count == FRAMES


def test_a_second_up_of_the_same_home_or_port_is_refused(team: Team, tmp_path: Path) -> None:
    refused = Shell(tmp_path)("up", "--port", str(team.port))
    assert refused.returncode == 2
    assert f"--port {team.port}: something listens there already" in refused.stderr


def test_killed_with_9_it_leaves_no_process_and_started_again_it_goes_on_then_ctrl_c_ends_it(team: Team) -> None:
    painted, runs = team.outputs(), len(team.runs("stylize-video"))
    team.stop(signal.SIGKILL)
    await_that(lambda: not team.processes(), 30)
    team.start()
    nightly = team.ask("/deployments/name/paint-folder/paint-folder")
    assert nightly["schedules"][0]["active"]  # as it was set on the dashboard
    assert team.ask("/deployments/name/stylize-video/stylize-video")["global_concurrency_limit"]["active_slots"] == 0
    await_that((team.home / "up/logs/sensor.log").exists, 60)
    assert (team.outputs(), len(team.runs("stylize-video"))) == (painted, runs)
    assert team.stop(signal.SIGINT) == 0
    assert team.processes() == {}
