"""Clients of one container: their credentials, connections, time-outs and retries."""

import logging
import random
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from azure.core.credentials import AzureSasCredential, TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient, ExponentialRetry

from restyle.errors import BadSetting
from restyle.storage.timeouts import Timeouts
from restyle.storage.transport import BoundedSession, is_loopback

API_VERSION = "2025-11-05"  # the newest that released emulators know
BLOCK_BYTES = 8 << 20  # of an upload, held in memory one at a time; 50,000 of them are Azure's most: 390 GiB
RANGE_BYTES = 4 << 20  # of a download; the service gives an MD5 for no longer range


def from_url(account_url: str, container: str, sas: str, connections: int, timeouts: Timeouts) -> ContainerClient:
    """By address; ``sas`` is a shared access signature, or empty for the machine's own identity. Raises BadSetting."""
    if sas and "sig=" not in sas:
        raise BadSetting(f"{account_url}/{container}: what follows '?' is no shared access signature; give a whole one")
    if not sas and urlsplit(account_url).scheme != "https":
        raise BadSetting(f"{account_url}/{container}: an identity is sent by https only; give a SAS, or use https")
    credential = AzureSasCredential(sas) if sas else identity()
    return _checked(ContainerClient(account_url, _named(container), credential, **_options(connections, timeouts)))


def from_connection_string(text: str, container: str, connections: int, timeouts: Timeouts) -> ContainerClient:
    """By a connection string in Azure's own form. Raises BadSetting."""
    with suppress(ValueError, KeyError):  # whose texts may hold the key
        client = ContainerClient.from_connection_string(text, _named(container), **_options(connections, timeouts))
        return _checked(client)
    raise BadSetting("a connection string that Azure cannot read; copy it whole from the portal, or Azurite's own")


def sas_expiry(text: str) -> datetime | None:
    """When the SAS in a query or a connection string ends, as far as it says so."""
    found = re.search(r"(?:^|[?&;=])se=([^&;]+)", text)
    try:
        end = datetime.fromisoformat(unquote(found[1])) if found else None
    except ValueError:
        return None
    return end.replace(tzinfo=UTC) if end and end.tzinfo is None else end


class _Retries(ExponentialRetry):
    """The SDK's retries, which know what is worth another try, with pauses of our own: theirs begin at 18 s."""

    def __init__(self, timeouts: Timeouts) -> None:
        again = timeouts.attempts - 1
        super().__init__(retry_total=again, retry_connect=again, retry_read=again, retry_status=again)
        self._pause_s = timeouts.pause_s

    def increment(self, settings: dict[str, Any], request: Any, response: Any = None, error: Any = None) -> bool:
        """Whether another try is left; none for a missing identity, which azure-identity has looked for enough."""
        return not isinstance(error, ClientAuthenticationError) and super().increment(
            settings, request, response, error
        )

    def get_backoff_time(self, settings: dict[str, Any]) -> float:  # the SDK's record of one request
        """Seconds before the next try."""
        return float(self._pause_s * 2 ** (settings["count"] - 1) * random.uniform(0.75, 1.25))  # noqa: S311


def _checked(client: ContainerClient) -> ContainerClient:
    if client.scheme != "https" and not is_loopback(client.url):
        raise BadSetting(f"{client.url.partition('?')[0]}: plain http is for this machine only; use https")
    return client


def _options(connections: int, timeouts: Timeouts) -> dict[str, Any]:
    return {
        "transport": RequestsTransport(session=BoundedSession(connections, timeouts)),
        "retry_policy": _Retries(timeouts),
        "api_version": API_VERSION,
        "max_single_put_size": BLOCK_BYTES,
        "max_single_get_size": RANGE_BYTES,
        "max_chunk_get_size": RANGE_BYTES,
    }


def identity() -> TokenCredential:
    """The machine's own: a managed identity, `az login`, or what else is at hand."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, and few stores need it

    logging.getLogger("azure.identity").setLevel(logging.ERROR)  # it warns in 14 lines of what our error says in one
    return DefaultAzureCredential()


def _named(container: str) -> str:
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){2,62}", container):
        raise BadSetting(f"{container!r}: a container has 3 to 63 small letters, digits and single hyphens; rename it")
    return container
