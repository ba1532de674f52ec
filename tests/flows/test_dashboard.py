"""The dashboard of `restyle up`, in a real browser: start, watch, schedule, see fail, retry."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from restyle.chaos.subject import await_gone, await_that
from tests.browser import CHROMIUM, LEFT_OUT, Person, person_at
from tests.flows.faulty import grey_clip
from tests.team import Team

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT),
]


@pytest.fixture
def person(team: Team, tmp_path: Path) -> Iterator[Person]:
    with person_at(team.dashboard) as somebody:
        yield somebody


def test_a_run_is_started_from_the_form_watched_to_its_end_and_its_contact_sheet_looked_at(
    team: Team, person: Person, clip: Path
) -> None:
    team.data.write("videos/from the form.mp4", clip.read_bytes())
    person.fill_form("videos/from the form.mp4", "the_scream")
    run = person.submit()
    person.await_state("Completed")
    assert team.ask(f"/flow_runs/{run}")["parameters"]["style"] == "the_scream"
    expect(person.page.get_by_role("listitem").filter(has_text="from the form.mp4 in the_scream").first).to_be_visible()
    person.open_artifact("contact-sheet")
    sheet = person.main.get_by_role("img").first
    expect(sheet).to_be_visible()
    assert sheet.evaluate("image => image.decode().then(() => image.naturalWidth)") > 96


def test_a_schedule_made_on_the_page_yields_scheduled_runs(team: Team, person: Person) -> None:
    person.open_deployment("paint-folder")
    before = len(team.runs("paint-folder", "SCHEDULED"))
    person.schedule_hourly()
    person.page.get_by_role("tab", name="Upcoming").click()
    expect(person.main.get_by_text("Scheduled", exact=True).first).to_be_visible(timeout=400_000)
    await_that(lambda: len(team.runs("paint-folder", "SCHEDULED")) >= before + 3, 400)


def test_retry_on_the_page_of_a_failed_run_paints_the_failed_batch_alone(team: Team, person: Person) -> None:
    clip = grey_clip(team.home / "faulty.mp4", 12)
    team.misbehave(fail=[6])
    run = team.start_faulty(clip, batch_size=4)
    person.open_run("faulty.mp4 by a faulty model")
    person.await_state("Failed")
    assert _told(team, run) == {0: ["painted"], 1: ["failed"], 2: ["painted"]}
    team.misbehave()
    await_gone(team.ask(f"/flow_runs/{run}")["infrastructure_pid"])
    person.retry()
    person.await_state("Completed")
    assert _told(team, run) == {0: ["painted", "kept"], 1: ["failed", "painted"], 2: ["painted", "kept"]}
    person.page.get_by_role("tab", name="Task Runs").click()
    expect(person.main.get_by_text("AlreadyPainted", exact=True)).to_have_count(2, timeout=180_000)


def _told(team: Team, run: str) -> dict[int, list[str]]:
    """What the workers' logs say of each batch, once per attempt."""
    told: dict[int, list[str]] = {}
    for path in sorted((team.home / f"control/logs/{run}").glob("batch-*.jsonl")):
        events: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
        index = next(event["batch"] for event in events if event["event"] == "begun")
        told[index] = [event["event"] for event in events if event["event"] not in ("begun", "frame")]
    return told
