"""The manifests, judged by the schemas of Kubernetes and of Dask's operator, and held against the compose file."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import dask_kubernetes
import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deployments.reading import KUBERNETES, containers, example_environment, manifests, pod_specs, services

VERSION = "1.33"
"""Of the versions that clouds offer for long to come, an early one: what it takes, later ones take."""


def validate(one: dict[str, Any]) -> None:
    """Raises for what its schema does not allow."""
    if one["apiVersion"] == "kubernetes.dask.org/v1":
        jsonschema.Draft202012Validator(_dask_schema(one["kind"])).validate(one)
    else:
        kubernetes_validate.validate(one, VERSION, strict=True)


@pytest.mark.parametrize(("file", "one"), [pytest.param(*found, id=found[0].stem) for found in manifests()])
def test_every_manifest_follows_its_schema(file: Path, one: dict[str, Any]) -> None:
    validate(one)


@pytest.mark.parametrize("kind", ["Deployment", "DaskCluster", "DaskAutoscaler"])
def test_a_manifest_with_an_unknown_or_missing_field_does_not_pass(kind: str) -> None:
    one = next(one for _, one in manifests() if one["kind"] == kind)
    with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError), match=r"replica|minimum"):
        validate(_spoilt(one))


def test_the_kustomizations_name_every_manifest_and_nothing_else() -> None:
    for file in KUBERNETES.rglob("kustomization.yaml"):
        named = set(yaml.safe_load(file.read_text())["resources"])
        there = {one.name for one in file.parent.iterdir() if one.is_dir() or one.suffix == ".yaml"}
        assert named == there - {"kustomization.yaml"}


@pytest.mark.parametrize("name", ["server", "deployments", "worker", "sensor", "scheduler"])
def test_containers_run_what_the_compose_file_runs(name: str) -> None:
    (container,) = (one for one in containers() if (one["name"], one["image"]) == (name, "restyle-cpu"))
    assert container["args"] == services(example_environment())[name]["command"]


def test_gpu_workers_run_what_the_compose_file_runs_and_have_the_name_by_which_they_are_retired() -> None:
    (container,) = (one for one in containers() if one["image"] == "restyle-gpu")
    composed = services(example_environment())["gpu-worker"]["command"]
    here = [word.replace("restyle-scheduler", "scheduler") for word in container["args"]]
    assert here[: len(composed) + 2] == [*composed[:4], "--name", "$(DASK_WORKER_NAME)", *composed[4:]]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_there_may_be_no_worker_at_all() -> None:
    (cluster,) = (one for _, one in manifests() if one["kind"] == "DaskCluster")
    (scaler,) = (one for _, one in manifests() if one["kind"] == "DaskAutoscaler")
    assert cluster["spec"]["worker"]["replicas"] == scaler["spec"]["minimum"] == 0
    assert scaler["spec"]["cluster"] == cluster["metadata"]["name"]
    (settings,) = (one["data"] for _, one in manifests() if one["kind"] == "ConfigMap")
    assert settings["RESTYLE_MAX_WORKERS"] == str(scaler["spec"]["maximum"])


def test_our_pods_keep_to_the_strictest_of_the_standards_for_pods() -> None:
    for pod in pod_specs():
        if any("nvidia.com" in one["image"] or "nvcr.io" in one["image"] for one in pod["containers"]):
            continue  # the device plugin must write to the node
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in pod["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in one["resources"]["limits"]
            assert {mount["name"] for mount in one["volumeMounts"]} >= {"tmp"}


def test_the_scheduler_answers_the_operator() -> None:
    """The operator asks the routes of distributed.http.scheduler.api, which are off by default."""
    (container,) = (one for one in containers() if one["name"] == "scheduler")
    (routes,) = (one["value"] for one in container["env"] if one["name"].endswith("ROUTES"))
    assert "distributed.http.scheduler.api" in json.loads(routes)


def _spoilt(one: dict[str, Any]) -> dict[str, Any]:
    """The same with a field misspelt."""
    text = json.dumps(one)
    misspelt = text.replace('"replicas"', '"replica"').replace('"minimum"', '"minimun"')
    assert misspelt != text
    spoilt: dict[str, Any] = json.loads(misspelt)
    return spoilt


@lru_cache
def _dask_schema(kind: str) -> dict[str, Any]:
    """The schema of one of the operator's kinds, from its package; what it does not name is not allowed."""
    folder = Path(dask_kubernetes.__file__).parent / "operator/deployment/helm/dask-kubernetes-operator/crds"
    crd = yaml.load(
        (folder / f"{kind.lower()}.yaml").read_text(), yaml.CSafeLoader
    )  # the other takes ten times as long
    (version,) = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"] |= {name: {} for name in ("apiVersion", "kind", "metadata")}
    _close(schema)
    return dict(schema)


def _close(schema: dict[str, Any]) -> None:
    """Kubernetes drops unknown fields in silence; here they are mistakes."""
    for child in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(child, dict):
            _close(child)
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
