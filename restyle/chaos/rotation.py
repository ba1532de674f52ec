"""Signatures that end in mid-run, and are replaced where the stores are named: in blocks of the Prefect server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_azure import AzureBlobStorageCredentials
from prefect_azure.blob_storage import AzureBlobStorageContainer
from pydantic import SecretStr

from restyle.azurite import ACCOUNT, ACCOUNT_KEY
from restyle.storage.signing import container_sas

RIGHTS = "rwdlc"
EVERY_S = 20.0
LIFETIME = timedelta(seconds=45)
"""Longer than it takes until the next one is there, also where the server is away meanwhile."""
CONTAINERS = ("data", "control")

log = logging.getLogger(__name__)


def block(container: str) -> str:
    """The name of the block that names a container."""
    return f"chaos-{container}"


@contextmanager
def rotating(api_url: str, account_url: str) -> Iterator[None]:
    """Name both stores by blocks, whose signatures are replaced every now and then and end soon after."""
    over = Event()

    def rotate() -> None:
        while not over.wait(EVERY_S):
            _renew(api_url, account_url)

    _renew(api_url, account_url)
    thread = Thread(target=rotate)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _renew(api_url: str, account_url: str) -> None:
    """A server that does not answer is asked again the next time."""
    try:
        with temporary_settings({PREFECT_API_URL: api_url}):
            for container in CONTAINERS:
                sas = container_sas(ACCOUNT, ACCOUNT_KEY, container, RIGHTS, LIFETIME)
                spec = f"BlobEndpoint={account_url};SharedAccessSignature={sas}"
                credentials = AzureBlobStorageCredentials(connection_string=SecretStr(spec))
                named = AzureBlobStorageContainer(container_name=container, credentials=credentials)
                named.save(block(container), overwrite=True)
    except Exception as error:  # noqa: BLE001  (the server may be dead just now: that is what is tried)
        log.info("no new signatures this time (%s)", type(error).__name__)
