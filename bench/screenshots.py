"""Takes the pictures of docs/team.md from a real `restyle up`: python -m bench.screenshots."""

import argparse
import io
import tempfile
from pathlib import Path

from PIL import Image

from restyle.chaos.subject import await_that
from tests.browser import Person, person_at
from tests.flows.faulty import grey_clip
from tests.team import Team

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images"
DRAWN_MS = 2500
"""Until what a page animates stands still."""


def shoot(person: Person, name: str, whole: bool = False, height: int | None = None, width: int | None = None) -> None:
    """Keep what the page shows, or its upper part; scaled to a width where one is given."""
    person.page.wait_for_timeout(DRAWN_MS)
    shown = Image.open(io.BytesIO(person.page.screenshot(full_page=whole))).convert("RGB")
    shown = shown.crop((0, 0, shown.width, height or shown.height))
    if width:
        shown = shown.resize((width, round(shown.height * width / shown.width)), Image.Resampling.LANCZOS)
    target = FOLDER / f"{name}.jpg"
    shown.save(target, quality=80, optimize=True, progressive=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


def shoot_run(team: Team, person: Person) -> None:
    """A run from its form to its report."""
    team.data.write("videos/orangutan.mp4", (ROOT / "samples/sample.mp4").read_bytes())
    person.fill_form("videos/orangutan.mp4", "starry_night")
    shoot(person, "form", whole=True)
    run = person.submit()
    await_that(lambda: team.recorded("orangutan.mp4") >= 2, 900)
    person.page.reload()  # a graph takes its scale from what it shows at first
    shoot(person, "running")
    person.page.goto("about:blank")  # a graph that is drawn would slow the painting down
    await_that(lambda: team.ask(f"/flow_runs/{run}")["state_type"] == "COMPLETED", 1800)
    person.open_run("orangutan.mp4 in starry_night")
    person.page.get_by_role("tab", name="Artifacts").click()
    shoot(person, "artifacts", whole=True)
    for key in ("batches", "contact-sheet"):
        person.open_artifact(key)
        shoot(person, key)
        person.open_run("orangutan.mp4 in starry_night")
    (page,) = (team.home / "data").glob(f"runs/{team.job('orangutan.mp4')}/report.html")
    person.page.goto(page.as_uri())
    shoot(person, "report", whole=True, width=800)


def shoot_failure(team: Team, person: Person) -> None:
    """A run with one batch that failed."""
    team.misbehave(fail=[20])
    team.start_faulty(grey_clip(team.home / "faulty.mp4", 40), batch_size=8)
    person.open_run("faulty.mp4 by a faulty model")
    person.await_state("Failed")
    person.page.reload()
    shoot(person, "failed", height=510)  # the log below shows paths of this machine


def main() -> None:
    """Start a team's machine, use it, take the pictures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as home:
        team = Team(Path(home), options=("--workers", "2"))
        try:
            team.start()
            with person_at(team.dashboard, graph=True) as person:
                shoot_run(team, person)
                shoot_failure(team, person)
        finally:
            if team.process:
                team.stop()


if __name__ == "__main__":
    main()
