"""The dashboard in a real, headless Chromium, used as a person does: links, buttons and fields by what they say."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Locator, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
LEFT_OUT = "no chromium on this machine: the dashboard is not tried in a browser; apt-get install chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_GRAPH = "--disable-3d-apis"
"""Drawn without a GPU, the graph of a running run takes a core for as long as one looks."""
PATIENCE_MS = 60_000.0
"""For a page on a machine that is busy with other things; alone it takes a second."""
SAVES = 5
"""How often a person tries to save a schedule."""
NOTICE_MS = 10_000.0
"""For the notice that it is saved: the answer is there when the dialog closes."""


@dataclass(frozen=True)
class Person:
    """Somebody at the dashboard."""

    page: Page
    dashboard: str

    def open_deployment(self, name: str) -> None:
        """From the front page to a deployment."""
        self.page.goto(self.dashboard)
        self.page.get_by_role("link", name="Deployments").click()
        self.page.get_by_role("link", name=name, exact=True).first.click()
        expect(self.page.get_by_role("button", name="Run", exact=True)).to_be_visible()

    def fill_form(self, video: str, style: str) -> None:
        """The form of stylize-video, with a style from the list."""
        self.open_deployment("stylize-video")
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Custom run").click()
        self.page.get_by_label("video", exact=True).fill(video)
        self.page.get_by_role("tab", name="from the list").click()
        self.page.get_by_role("button", name="Select from the list").click()
        self.page.get_by_role("option", name=style).click()

    def submit(self) -> str:
        """Order what the form says; opens the page of the run, and returns the run's id."""
        self.page.get_by_role("button", name="Submit").click()
        self.page.get_by_role("link", name="View run").click()
        self._await_run_page()
        return self.page.url.partition("/flow-run/")[2][:36]

    def open_run(self, name: str) -> None:
        """From the front page to the latest run of a name."""
        self.page.goto(self.dashboard)
        self.page.get_by_role("link", name="Runs", exact=True).click()
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self._await_run_page()

    def await_state(self, state: str, timeout_s: float = 240) -> None:
        """Watch the page of a run until it says so."""
        expect(self.main.get_by_text(state, exact=True).first).to_be_visible(timeout=timeout_s * 1000)

    def open_artifact(self, key: str) -> None:
        """From the page of a run to one of its artifacts: the card, then its latest version."""
        self.page.get_by_role("tab", name="Artifacts").click()
        self.page.get_by_role("link", name=key).click()
        self.page.wait_for_url(re.compile(rf"/artifacts/key/{key}"))
        self.main.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
        self.page.wait_for_url(re.compile("/artifacts/artifact/"))

    def schedule_hourly(self) -> None:
        """Give the deployment that is shown a schedule, as the dialog proposes it.

        The dialog closes even where the server was too busy to make it (Prefect 3.8), so what the page says counts.
        Raises AssertionError where it never says that a schedule was made.
        """
        made = self.page.get_by_text("Deployment schedule created", exact=True)
        for _ in range(SAVES):
            self.page.get_by_role("button", name="Schedule", exact=True).click()
            dialog = self.page.get_by_role("dialog")
            dialog.get_by_role("button", name="Save").click()
            expect(dialog).to_be_hidden()
            with suppress(AssertionError):
                return expect(made).to_be_visible(timeout=NOTICE_MS)
        raise AssertionError(f"no schedule was made in {SAVES} tries")

    def retry(self) -> None:
        """What the menu of a run's page has for one that failed."""
        self.page.get_by_role("button", name="Open menu").click()
        self.page.get_by_role("menuitem", name="Retry").click()
        self.page.get_by_role("alertdialog").get_by_role("button", name="Retry").click()

    def _await_run_page(self) -> None:
        self.page.wait_for_url(re.compile(r"/runs/flow-run/"))
        expect(self.page.get_by_role("tab", name="Logs")).to_be_visible()

    @property
    def main(self) -> Locator:
        """The page without its sidebar."""
        return self.page.get_by_role("main")


@contextmanager
def person_at(dashboard: str, graph: bool = False) -> Iterator[Person]:
    """Somebody at this dashboard, with a browser that knows nothing yet and draws graphs of runs only if wished."""
    with TemporaryDirectory() as profile, sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            Path(profile),
            executable_path=CHROMIUM,
            args=FLAGS if graph else [*FLAGS, NO_GRAPH],
            viewport={"width": 1280, "height": 900},
            reduced_motion="reduce",
        )
        browser.set_default_timeout(PATIENCE_MS)
        try:
            yield Person(browser.pages[0], dashboard)
        finally:
            browser.close()
