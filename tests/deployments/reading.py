"""Reads what is deployed: the compose file as `docker compose` would fill it in, the manifests, every name in them."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = ROOT / "deployments/kubernetes"
AZURE = ROOT / "deployments/azure"

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def example_environment() -> dict[str, str]:
    """What docker/env.example sets."""
    lines = (DOCKER / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def compose_text(environment: dict[str, str]) -> str:
    """The compose file with its variables filled in. Raises KeyError for one that must be set and is not."""

    def fill(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return environment[name] if kind != "-" else environment.get(name) or default

    return _VARIABLE.sub(fill, (DOCKER / "compose.yaml").read_text()).replace("$$", "$")


def services(environment: dict[str, str]) -> dict[str, Any]:
    """The services of the compose file, by their names."""
    found: dict[str, Any] = yaml.safe_load(compose_text(environment))["services"]
    return found


def manifests() -> list[tuple[Path, dict[str, Any]]]:
    """Every Kubernetes object that is deployed, with the file it is in."""
    found = [*KUBERNETES.rglob("*.yaml"), *(AZURE / "nvidia").glob("*.yaml")]
    files = (file for file in sorted(found) if file.name != "kustomization.yaml")
    return [(file, one) for file in files for one in yaml.safe_load_all(file.read_text())]


def pod_specs() -> list[dict[str, Any]]:
    """The pods of every object that makes some, Dask's own kinds among them."""
    return [spec for _, one in manifests() for spec in _pods(one)]


def containers() -> list[dict[str, Any]]:
    """The containers of those pods."""
    return [one for pod in pod_specs() for one in pod["containers"]]


def deployed_files() -> list[Path]:
    """Every file of docker/ and deployments/, but for the lock."""
    found = [path for folder in (DOCKER, ROOT / "deployments") for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if path.name not in ("requirements.lock", "provider-schema.json", ".env")]


def _pods(one: dict[str, Any]) -> list[dict[str, Any]]:
    spec = one.get("spec", {})
    if one["kind"] == "DaskCluster":
        return [spec["scheduler"]["spec"], spec["worker"]["spec"]]
    return [spec["template"]["spec"]] if "template" in spec else []
