"""The images and the compose file, as far as they can be judged without Docker."""

import json
import re
import tomllib
from typing import Any

import compose_spec
import pytest
import yaml
from packaging.requirements import Requirement

from flows.cluster import DASK_CONFIG
from tests.deployments.reading import DOCKER, ROOT, compose_text, example_environment, services

OURS = ("server", "deployments", "scheduler", "cpu-worker", "gpu-worker", "worker", "sensor")


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return services(example_environment())


def validate(text: str) -> None:
    """Raises ValueError for what the compose specification does not allow."""
    compose_spec.PyCompose.from_json(json.dumps(yaml.safe_load(text))).validate()


def test_the_compose_file_follows_the_specification_with_the_example_of_an_environment() -> None:
    validate(compose_text(example_environment()))


@pytest.mark.parametrize(("right", "wrong"), [("command:", "comand:"), ("service_healthy", "healthy"), ("10s", "soon")])
def test_a_compose_file_with_a_mistake_does_not_pass(right: str, wrong: str) -> None:
    text = compose_text(example_environment())
    assert right in text
    with pytest.raises(ValueError, match=wrong.strip(":")):
        validate(text.replace(right, wrong))


def test_what_services_wait_for_and_mount_is_there(composed: dict[str, Any]) -> None:
    volumes = yaml.safe_load(compose_text(example_environment()))["volumes"]
    for one in composed.values():
        assert one.get("depends_on", {}).keys() <= composed.keys()
        assert {mount.split(":")[0] for mount in one.get("volumes", [])} <= volumes.keys()


def test_a_password_and_the_stores_must_be_given() -> None:
    for name in ("POSTGRES_PASSWORD", "RESTYLE_DATA_STORE", "RESTYLE_CONTROL_STORE"):
        with pytest.raises(KeyError, match=name):
            compose_text({key: value for key, value in example_environment().items() if key != name})


def test_our_containers_write_nowhere_but_to_volumes_and_may_nothing(composed: dict[str, Any]) -> None:
    for name in OURS:
        assert composed[name]["read_only"], name
        assert composed[name]["cap_drop"] == ["ALL"], name
        assert composed[name]["security_opt"] == ["no-new-privileges:true"], name


def test_whatever_runs_for_long_has_a_health_check(composed: dict[str, Any]) -> None:
    unchecked = {name for name, one in composed.items() if "healthcheck" not in one}
    assert unchecked == {"certificate", "deployments", "azurite"}  # two that end, and one that answers only its clients


def test_ports_are_open_to_this_machine_only(composed: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for one in composed.values() for port in one.get("ports", []))


def test_the_image_tells_dask_what_our_own_clusters_are_told() -> None:
    told = re.search(r"DASK_CONFIG=\S+/site-packages/(\S+)", (DOCKER / "Dockerfile").read_text())
    assert told
    assert ROOT / told[1] == DASK_CONFIG
    assert set(yaml.safe_load(DASK_CONFIG.read_text())["distributed"]) == {
        "admin",
        "adaptive",
        "scheduler",
        "worker",
        "nanny",
    }


def test_the_image_is_built_of_what_the_package_is_made_of() -> None:
    copied = set(re.findall(r"^COPY (?:pyproject.toml |)(\w\S*)", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*packages["packages"], *packages["force-include"]} <= copied
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    assert copied <= allowed


def test_there_is_no_python_in_docker_that_would_shadow_dockers_own_package() -> None:
    assert list(DOCKER.rglob("*.py")) == []


def test_the_lock_pins_every_dependency_within_its_bounds_by_hash_and_names_no_host() -> None:
    text = (DOCKER / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+) \\$", text, re.MULTILINE))
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert {re.split(r"\[|==", entry)[0] for entry in entries} == pinned.keys()
    assert all("--hash=sha256:" in entry for entry in entries)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in [*project["dependencies"], *project["optional-dependencies"]["cuda"]]:
        wished = Requirement(line)
        assert wished.specifier.contains(pinned[wished.name.lower()]), line
    assert "://" not in text
    assert "@" not in text
