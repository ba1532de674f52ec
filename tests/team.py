"""`restyle up` as a team has it: on a home of its own, started and killed by tests, spoken to through its API."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.server import free_port
from restyle.chaos.subject import Subject
from restyle.storage import Store, open_store
from tests.flows.faulty import misbehave

ROOT = Path(__file__).parents[1]

FAULTY = "with-any-model"
"""The deployment of a model that fails when it is told to."""


@dataclass
class Team(Subject):
    """A home with, or without, a running `restyle up` that sweeps each second."""

    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ("--workers", "1", "--every", "1")

    def __post_init__(self) -> None:
        self.environment |= {
            "FAULTS": str(self.home / "faults.json"),
            "PYTHONPATH": str(ROOT),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",  # a minute, else: too long for a test to wait
        }
        self.misbehave()

    @property
    def data(self) -> Store:
        """The data store, where videos are dropped."""
        return open_store((self.home / "data").as_uri())

    def misbehave(self, **faults: Any) -> None:
        """Say what the model of `start_faulty` does from now on; nothing said: it paints."""
        misbehave(self.home / "faults.json", **faults)

    def start_faulty(self, clip: Path, batch_size: int) -> str:
        """Start a run whose model does what the faults say, by a deployment that takes one; returns the run's id."""
        deployment = {
            "flow_id": self.ask("/flows/", {"name": "stylize-video"})["id"],
            "name": FAULTY,
            "work_pool_name": "restyle",
            "entrypoint": "tests.flows.deployed.paint",
            "pull_steps": [stay_at(self.home)],
        }
        made = self.ask("/deployments/", deployment)
        request = {"video": str(clip), "model": "tests.flows.faulty:paint", "batch_size": batch_size}
        ordered = {"name": f"{clip.name} by a faulty model", "parameters": {"request": request}}
        run = self.ask(f"/deployments/{made['id']}/create_flow_run", ordered)
        return str(run["id"])

    def job(self, video: str) -> str | None:
        """The id of the job that paints a video of this name, as far as the control store knows."""
        jobs = (self.home / "control/jobs").glob("*/job.json")
        return next((file.parent.name for file in jobs if video in file.read_text()), None)

    def recorded(self, video: str) -> int:
        """How many batches of a video are painted."""
        return len(list((self.home / f"control/jobs/{self.job(video)}/ledger").glob("*.json")))

    def outputs(self) -> list[Path]:
        """Painted videos in the data store."""
        return sorted((self.home / "data").glob("runs/*/encodings/*/output.*"))


def stay_at(folder: Path) -> dict[str, Any]:
    """The pull step of a deployment whose runs work in a folder; without any, Prefect copies all of its worker's."""
    return {"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}
