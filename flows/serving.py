"""Makes the work pool and the deployments of prefect.yaml on a server that a sensor serves: `python -m flows.serving`.

The pool starts runs as processes of its worker, or, with --container-instances, as containers on Azure.
"""

import argparse
import json
import shlex
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
from restyle.errors import BadSetting
from restyle.importing import quickly

POOL = "restyle"


def main() -> int:
    """End what dead processes left, then make or renew pool and deployments; returns what `prefect deploy` returned."""
    options = _parser().parse_args()
    try:
        kind, template = _pool(options.container_instances)
    except BadSetting as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sweep()
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type=kind, base_job_template=template), overwrite=True)
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
    engine = shlex.join(quickly("prefect.engine,flows.stylize_video", "prefect.engine"))
    template["variables"]["properties"]["command"]["default"] = engine
    return template


def container_template(values: dict[str, Any]) -> dict[str, Any]:
    """prefect-azure's template for Azure Container Instances, with these values as the defaults of its form.

    Raises BadSetting for a value that the form does not have.
    """
    # Imported here, since it brings Azure's management libraries, which no other pool needs.
    from prefect_azure.workers.container_instance import AzureContainerWorker  # noqa: PLC0415

    template: dict[str, Any] = AzureContainerWorker.get_default_base_job_template()
    fields = template["variables"]["properties"]
    unknown = values.keys() - fields.keys()
    if unknown:
        raise BadSetting(f"--container-instances: {', '.join(sorted(unknown))}: not among {', '.join(sorted(fields))}")
    for name, value in values.items():
        fields[name]["default"] = value
    return template


def _pool(container_instances: str | None) -> tuple[str, dict[str, Any]]:
    """The pool's type and its template."""
    if container_instances is None:
        return "process", tied_template()
    try:
        values = json.loads(container_instances)
    except ValueError as error:
        raise BadSetting(f"--container-instances: no JSON ({error}); give an object of the pool's values") from error
    return "azure-container-instance", container_template(values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.serving", description="Makes pool and deployments.")
    parser.add_argument("--container-instances", metavar="JSON", help="what the pool's containers are, image and all")
    return parser


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
