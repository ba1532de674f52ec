"""A whole run against a real Azurite, its stores named by Prefect blocks."""

import json
from pathlib import Path

import pytest

from restyle.storage import open_store
from tests.azurite import Azurite, azurite
from tests.flows.conftest import FRAMES, Shell

__all__ = ["azurite"]

SAVE_BLOCKS = """
import sys
from prefect_azure import AzureBlobStorageCredentials
from prefect_azure.blob_storage import AzureBlobStorageContainer

credentials = AzureBlobStorageCredentials(connection_string=sys.stdin.read())
for name in ("data", "control"):
    AzureBlobStorageContainer(container_name=f"{name}-of-run", credentials=credentials).save(f"{name}-of-run")
"""


@pytest.mark.slow
def test_a_run_on_blob_storage_leaves_nothing_local_but_its_output(shell: Shell, azurite: Azurite, clip: Path) -> None:
    account = azurite.connection_string("unused").rpartition(";ContainerName=")[0]
    shell.python(SAVE_BLOCKS, stdin=account)
    blocks = {"RESTYLE_DATA_STORE": "block:data-of-run", "RESTYLE_CONTROL_STORE": "block:control-of-run"}
    shell.environment.update(blocks)
    target = shell.home / "out.mp4"
    done = shell("run", clip, "--style", "starry_night", "-o", target, "--report", shell.home / "r.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((shell.home / "r.json").read_text())
    data = open_store(azurite.connection_string("data-of-run"))
    assert report["frames_out"] == FRAMES
    assert data.read(report["output"]["key"]) == target.read_bytes()
    assert not list(data.list("work/"))
    assert not (shell.home / "data").exists()
    assert not list((shell.home / "spool").iterdir())
