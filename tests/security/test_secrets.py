"""No secret leaves the settings it is given in, whatever becomes of a run; and a SAS is replaced in mid-run.

Two real runs on a real Azurite and a real Prefect server, one that ends well and one that fails, with five planted
secrets; then everything that they wrote, said or showed is searched.
"""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, quote

import pytest
from azure.storage.blob import AccessPolicy, ContainerClient, ContainerSasPermissions, generate_container_sas

from restyle.azurite import ACCOUNT, ACCOUNT_KEY
from restyle.chaos.subject import await_that
from restyle.storage import open_store
from restyle.storage.azure_client import API_VERSION
from tests.azurite import Azurite, azurite
from tests.flows.conftest import Shell, server
from tests.flows.faulty import grey_clip, misbehave

__all__ = ["azurite", "server"]

pytestmark = pytest.mark.slow
API_KEY = "pnu_planted0secret0key"
RIGHTS = "rwdlc"
SAVE = """
import sys
from prefect_azure import AzureBlobStorageCredentials
from prefect_azure.blob_storage import AzureBlobStorageContainer

name, container, text = sys.stdin.read().split("\\n")
credentials = AzureBlobStorageCredentials(connection_string=text)
AzureBlobStorageContainer(container_name=container, credentials=credentials).save(name, overwrite=True)
"""
FRAMES = 16


class Rotating:
    """A container with shared access signatures that can be revoked, as an administrator does it."""

    def __init__(self, azurite: Azurite, name: str) -> None:
        self._azurite, self.name = azurite, name
        account = azurite.connection_string(name).rpartition(";ContainerName=")[0]
        self._client = ContainerClient.from_connection_string(account, name, api_version=API_VERSION)
        self._client.create_container()
        self._policies: dict[str, AccessPolicy] = {}

    def signed(self, policy: str) -> str:
        """A connection string by a SAS that ends with its policy."""
        now = datetime.now(UTC)
        permission = ContainerSasPermissions.from_string(RIGHTS)
        allowed = AccessPolicy(permission, start=now - timedelta(hours=1), expiry=now + timedelta(hours=1))
        self._policies[policy] = allowed
        self._client.set_container_access_policy(signed_identifiers=self._policies)
        sas = generate_container_sas(ACCOUNT, self.name, ACCOUNT_KEY, policy_id=policy)
        return f"BlobEndpoint={self._azurite.url}/{ACCOUNT};SharedAccessSignature={sas}"

    def revoke(self, policy: str) -> None:
        """From here on signatures of this policy are refused."""
        del self._policies[policy]
        self._client.set_container_access_policy(signed_identifiers=self._policies)

    def close(self) -> None:
        """Leave no connection open."""
        self._client.close()


class Runs(NamedTuple):
    """What two runs left to be searched."""

    secrets: dict[str, str]
    places: dict[str, bytes]
    ended: tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Every process's command line, looked at all the time until the block ends."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for folder in Path("/proc").iterdir():
                try:
                    if folder.name.isdecimal():
                        seen.add((folder / "cmdline").read_bytes())
                except OSError:
                    continue  # it ended meanwhile

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


@pytest.fixture(scope="module")
def runs(azurite: Azurite, server: str, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    home, name = tmp_path_factory.mktemp("secrets"), uuid.uuid4().hex
    faults, clip = home / "faults.json", grey_clip(home / "clip.mp4", FRAMES)
    misbehave(faults, sleep_s=0.7)
    shell = Shell(home, {"PREFECT_API_URL": server, "PREFECT_API_KEY": API_KEY, "FAULTS": str(faults)})
    shell.environment["RESTYLE_DATA_STORE"] = f"block:data-{name}"
    shell.environment["RESTYLE_CONTROL_STORE"] = azurite.connection_string(f"control-{name}")
    shell.environment["PREFECT_LOGGING_LEVEL"] = "DEBUG"
    control = open_store(azurite.connection_string(f"control-{name}"))
    container = Rotating(azurite, f"data-{name}")
    signed = [container.signed("first")]
    paint = ("run", clip, "--model", "tests.flows.faulty:paint", "--batch-size", "4", "--workers", "1", "-v")

    def save() -> None:
        shell.python(SAVE, stdin="\n".join((f"data-{name}", container.name, signed[-1])))

    def rotate() -> None:
        await_that(lambda: any("/ledger/" in blob.key for blob in control.list("jobs/")), 600)
        signed.append(container.signed("second"))
        save()
        container.revoke("first")
        misbehave(faults)

    save()
    with command_lines() as shown:
        rotating = threading.Thread(target=rotate)
        rotating.start()
        well = shell(*paint, "-o", home / "out.mp4", "--report", home / "report.json")
        rotating.join()
        shell.environment["RESTYLE_DATA_STORE"] = azurite.container_url(container.name, "rlwc")
        badly = shell(*paint, "--strength", "0.9", "-o", home / "no.mp4")
    container.close()
    secrets = {"account key": ACCOUNT_KEY, "API key": API_KEY}
    for number, text in enumerate([*signed, shell.environment["RESTYLE_DATA_STORE"]]):
        secrets[f"signature {number}"] = parse_qs(text.partition("?")[2] or text.partition("Signature=")[2])["sig"][0]
    places = {"command lines": b"\n".join(shown), **_said(well, "well"), **_said(badly, "badly")}
    for kind in ("data", "control"):
        store = open_store(azurite.connection_string(f"{kind}-{name}"))
        places |= {f"{kind}: {blob.key}": blob.key.encode() + store.read(blob.key) for blob in store.list()}
    places |= {f"home: {path}": path.read_bytes() for path in home.rglob("*") if path.is_file()}
    return Runs(secrets, places | _server(tmp_path_factory.getbasetemp()), (well, badly))


def _said(done: subprocess.CompletedProcess[str], which: str) -> dict[str, bytes]:
    return {f"{which}: stdout": done.stdout.encode(), f"{which}: stderr": done.stderr.encode()}


def _server(base: Path) -> dict[str, bytes]:
    """Every table of the Prefect server's database, and its log."""
    found = {}
    for path in base.glob("prefect*/runs-*"):
        if path.suffix == ".log":
            found[f"server: {path.name}"] = path.read_bytes()
        if path.suffix == ".db":
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                found[f"server: {path.name}"] = "\n".join(database.iterdump()).encode()
            database.close()
    return found


def test_a_sas_revoked_in_mid_run_is_replaced_without_a_restart(runs: Runs) -> None:
    well, badly = runs.ended
    assert well.returncode == 0, well.stderr
    assert f"{FRAMES} frames in" in well.stdout
    assert "it has new credentials now" in well.stderr + b"".join(runs.places.values()).decode(errors="replace")
    assert badly.returncode == 1
    assert "a SAS needs 'd' (delete)" in badly.stderr


def test_the_search_sees_what_it_searches(runs: Runs) -> None:
    """Each kind of place holds something of the runs: an empty place would hold no secret either."""
    job_id = json.loads(next(v for k, v in runs.places.items() if k.endswith("report.json") and "home" in k))["job_id"]
    for kind in ("data: ", "control: ", "server: runs-0.db", "well: std"):
        assert any(job_id.encode() in content for place, content in runs.places.items() if place.startswith(kind)), kind
    assert b"restyle.media.decode_child" in runs.places["command lines"]
    assert b"prefect" in runs.places["command lines"]
    assert len(runs.secrets) == 5
    database = next(content for place, content in runs.places.items() if place.endswith(".db"))
    for table in ("flow_run", "task_run", "log", "artifact", "block_document"):
        assert f'INSERT INTO "{table}"'.encode() in database, table


def test_no_secret_is_in_anything_that_the_runs_left_said_or_showed(runs: Runs) -> None:
    found = [
        f"{name} in {place}"
        for name, secret in runs.secrets.items()
        for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
        for place, content in runs.places.items()
        if form.encode() in content
    ]
    assert found == []


PICKLE = """
import sys
import cloudpickle
import flows.cluster
import prefect_dask.client
from restyle.domain import FrameBatch
from tasks.painting import style_batch, survey_worker, try_model
from tasks.stores import open_stores
stores = open_stores()  # the secrets are in this process
stores.control.list()
batch = FrameBatch(index=0, start=0, stop=4)
context = prefect_dask.client.serialize_context()
sent = [(style_batch, batch, "job", context), survey_worker, try_model]
sys.stdout.buffer.write(cloudpickle.dumps(sent))
"""
UNPICKLE = """
import pickle, sys
from flows.sending import read_words
(_, _, _, context), *_ = pickle.load(sys.stdin.buffer)
settings = read_words(context["settings_context"]["words"])[0].settings
api = settings.api
print(api.url, api.key.get_secret_value(), api.auth_string.get_secret_value(), settings.logging.level)
"""


def test_a_pickled_task_carries_no_secret_and_its_worker_has_its_own(azurite: Azurite, tmp_path: Path) -> None:
    specs = {kind: azurite.container_url(kind, "rl") for kind in ("data", "control")}
    environment = {**os.environ, **{f"RESTYLE_{kind.upper()}_STORE": spec for kind, spec in specs.items()}}
    environment |= {
        "PREFECT_API_KEY": API_KEY,
        "PREFECT_API_AUTH_STRING": "us:planted0word",
        "RESTYLE_HOME": str(tmp_path),
    }
    environment |= {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://us:planted0database@db/runs"}
    flow = {**environment, "PREFECT_API_URL": "http://flow.example/api", "PREFECT_LOGGING_LEVEL": "ERROR"}
    sent = subprocess.run([sys.executable, "-c", PICKLE], env=flow, capture_output=True, check=True).stdout
    for secret in (API_KEY, "planted0", *(parse_qs(spec)["sig"][0] for spec in specs.values()), "sig="):
        assert secret.encode() not in sent
        assert quote(secret, safe="").encode() not in sent
    came = subprocess.run(
        [sys.executable, "-c", UNPICKLE], env=environment, input=sent, capture_output=True, check=True
    )
    assert came.stdout.decode().split() == ["http://flow.example/api", API_KEY, "us:planted0word", "ERROR"]
