"""Clusters of machines that come and go, as far as one sees without an account: what they are made of and refuse."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.clouds import azure_arguments
from flows.cluster import choose_cluster, own_cluster
from restyle.errors import BadSetting
from restyle.settings import Settings

STORE = "https://studio.blob.core.windows.net/data"
AZURE = {
    "location": "westeurope",
    "resource_group": "studio",
    "subscription_id": "00000000-0000-0000-0000-000000000000",
    "azurevm": {
        "vnet": "inside",
        "security_group": "inside",
        "vm_size": "Standard_NC4as_T4_v3",
        "docker_image": "ours",
    },
}


@pytest.fixture(autouse=True)
def _bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_MAX_WORKERS", "4")
    for name in ("DATA", "CONTROL"):
        monkeypatch.setenv(f"RESTYLE_{name}_STORE", STORE)


@pytest.mark.parametrize(("kind", "package"), [("kubernetes", "dask_kubernetes"), ("azure-vm", "dask_cloudprovider")])
def test_a_kind_whose_package_is_missing_names_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    choice = choose_cluster(kind, None)
    assert (choice.workers, choice.least, choice.address) == (4, 0, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadSetting, match=rf"pip install 'restyle\[{kind}\]'"):
        choose_cluster(kind, None)


@pytest.mark.parametrize("kind", ["kubernetes", "azure-vm"])
def test_a_cluster_that_costs_money_needs_an_upper_bound(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.delenv("RESTYLE_MAX_WORKERS")
    with pytest.raises(BadSetting, match="set RESTYLE_MAX_WORKERS"):
        choose_cluster(kind, None)
    assert choose_cluster(kind, 2).workers == 2


def test_kubernetes_that_cannot_be_reached_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    importlib.import_module("dask_kubernetes.operator")  # which sets a default name of its own
    with pytest.raises(BadSetting, match="no DaskCluster 'restyle'"), own_cluster(choose_cluster("kubernetes", None)):
        pass


DESCRIBE = """
import asyncio, json, sys
import dask
from dask_cloudprovider.azure import AzureVMCluster
from flows.clouds import azure_arguments

async def describe():
    return AzureVMCluster.get_cloud_init(**azure_arguments())

dask.config.update(dask.config.config, {"cloudprovider": {"azure": json.loads(sys.argv[1])}})
print(asyncio.run(describe()))
"""
"""In a process of its own: what is described and never started complains when it is thrown away."""


def test_machines_at_azure_are_told_their_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://server:4200/api")
    asked = [sys.executable, "-c", DESCRIBE, json.dumps(AZURE)]
    described = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=300).stdout
    (command,) = (line for line in yaml.safe_load(described)["runcmd"] if line.startswith("docker run"))
    assert f'-e RESTYLE_DATA_STORE="{STORE}"' in command
    assert '-e PREFECT_API_URL="http://server:4200/api"' in command
    assert "--gpus=all" in command
    assert " ours " in command


def test_machines_at_azure_whose_description_is_not_complete_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"location.*cloudprovider\.azure"), own_cluster(choose_cluster("azure-vm", 1)):
        pass


@pytest.mark.parametrize("store", ["file:///data", f"{STORE}?sv=1&sig=planted", "AccountName=a;AccountKey=planted"])
def test_no_store_that_machines_cannot_open_and_no_secret_goes_into_their_description(
    monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", store)
    with pytest.raises(BadSetting, match="RESTYLE_DATA_STORE: --cluster azure-vm takes") as refused:
        azure_arguments()
    assert "planted" not in str(refused.value)
    assert Settings().data_store
