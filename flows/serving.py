"""Makes the work pool and the deployments of prefect.yaml on a server of `restyle up`: `python -m flows.serving`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

import flows
from flows.sweeping import sweep

POOL = "restyle"


def main() -> int:
    """End what dead processes left, then make or renew pool and deployments; returns what `prefect deploy` returned."""
    sweep()
    with get_client(sync_client=True) as client:
        template = tied_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template), overwrite=True)
        wished = yaml.safe_load(prefect_file().read_text())
        wished["deployments"] = [_own_schedules(client, one) for one in wished["deployments"]]
    copy = Path("prefect.yaml").absolute()
    copy.write_text(yaml.safe_dump(wished))
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(copy)]
    return subprocess.run(command, check=False).returncode


def tied_template() -> dict[str, Any]:
    """What the pool's runs are started with: by a named command, they stay in the group of their worker.

    Otherwise each would be a group of its own, and outlive a worker that is killed.
    """
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["command"]["default"] = f"{sys.executable} -m prefect.engine"
    return template


def prefect_file() -> Path:
    """prefect.yaml: of the installed package, or of the checkout."""
    inside = Path(flows.__file__).with_name("prefect.yaml")
    return inside if inside.exists() else Path(flows.__file__).parents[1] / "prefect.yaml"


def _own_schedules(client: SyncPrefectClient, deployment: dict[str, Any]) -> dict[str, Any]:
    """Schedules are off at first, and stay as people set them on the dashboard."""
    flow = deployment["entrypoint"].rpartition(".")[2].replace("_", "-")
    try:
        client.read_deployment_by_name(f"{flow}/{deployment['name']}")
    except ObjectNotFound:
        return {**deployment, "schedules": [{**one, "active": False} for one in deployment.get("schedules", [])]}
    return {name: value for name, value in deployment.items() if name != "schedules"}


if __name__ == "__main__":
    sys.exit(main())
