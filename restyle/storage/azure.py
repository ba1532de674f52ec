"""A store in a container of Azure Blob Storage, or of its emulator Azurite."""

import logging
import mimetypes
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote, urlsplit

import requests
from azure.core import MatchConditions
from azure.core.credentials import AzureSasCredential, TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobBlock, BlobClient, BlobProperties, ContainerClient, ContentSettings, ExponentialRetry

from restyle.errors import AccessDenied, BadSetting, BlobChanged, BlobExists, BlobNotFound
from restyle.storage.azure_errors import Deed, NoContainer, OutOfRange, sas_expiry, translated
from restyle.storage.keys import check_key, check_prefix, is_key
from restyle.storage.local import check_range, chunks, whole_file
from restyle.storage.protocol import BlobInfo
from restyle.storage.timeouts import Timeouts
from restyle.storage.transport import bounded_session, ends_within

API_VERSION = "2025-11-05"  # the newest that released emulators know
BLOCK_BYTES = 8 << 20  # of an upload, held in memory one at a time; 50,000 of them are Azure's most: 390 GiB
RANGE_BYTES = 4 << 20  # of a download; the service gives an MD5 for no longer range
PAGE_BLOBS = 5000  # of a listing; Azure's most
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WRITER = "restylewriter"  # metadata that names the one call that put a blob

T = TypeVar("T")
_Blocks = list[BlobBlock]  # named here, since the class has a method called list
log = logging.getLogger(__name__)


class _Transport(RequestsTransport):  # type: ignore[misc]  # lazily exported: mypy sees no type
    """Reads every body whole within one try and its deadline, so that the SDK's retries cover broken bodies too."""

    without_proxy_for: str | None = None

    def __init__(self, connections: int, timeouts: Timeouts) -> None:
        session = bounded_session(connections)
        super().__init__(session=session, connection_timeout=timeouts.connect_s, read_timeout=timeouts.idle_s)
        self._attempt_s = timeouts.attempt_s

    def send(self, request: Any, **kwargs: Any) -> Any:  # the SDK's overloads, passed on
        if self.without_proxy_for:
            kwargs["proxies"] = {"no_proxy": self.without_proxy_for}
        with ends_within(self._attempt_s):
            return super().send(request, **{**kwargs, "stream": False})


class AzureStore:
    """Blobs of one container, which is made by the first write where the credentials may."""

    def __init__(self, client: ContainerClient, expires: datetime | None) -> None:
        self._client = client
        self._expires = expires
        self._base = client.url.partition("?")[0]

    @classmethod
    def from_url(cls, account_url: str, container: str, sas: str, *, connections: int, timeouts: Timeouts) -> Self:
        """By address; ``sas`` is a shared access signature, or empty for the machine's own identity."""
        if sas and "sig=" not in sas:
            raise BadSetting(
                f"{account_url}/{container}: what follows '?' is no shared access signature; give a whole one"
            )
        if not sas and urlsplit(account_url).scheme != "https":
            raise BadSetting(f"{account_url}/{container}: an identity is sent by https only; give a SAS, or use https")
        credential = AzureSasCredential(sas) if sas else _identity()
        transport = _Transport(connections, timeouts)
        client = ContainerClient(account_url, _named(container), credential, **_options(transport, timeouts))
        return cls._checked(client, transport, sas_expiry(sas))

    @classmethod
    def from_connection_string(cls, text: str, container: str, *, connections: int, timeouts: Timeouts) -> Self:
        """By a connection string in Azure's own form."""
        transport = _Transport(connections, timeouts)
        with suppress(ValueError, KeyError):  # whose texts may hold the key
            client = ContainerClient.from_connection_string(text, _named(container), **_options(transport, timeouts))
            return cls._checked(client, transport, sas_expiry(text))
        raise BadSetting("a connection string that Azure cannot read; copy it whole from the portal, or Azurite's own")

    @classmethod
    def _checked(cls, client: ContainerClient, transport: _Transport, expires: datetime | None) -> Self:
        host = urlsplit(client.url).hostname
        if host in _LOOPBACK:
            transport.without_proxy_for = host
        elif client.scheme != "https":
            raise BadSetting(f"{client.url.partition('?')[0]}: plain http is for this machine only; use https")
        return cls(client, expires)

    def __repr__(self) -> str:
        return f"AzureStore({self._base!r})"

    def __reduce__(self) -> Any:  # of any object
        raise TypeError("an AzureStore holds a secret and connections; open it where it is used")

    def stat(self, key: str) -> BlobInfo:
        """Ask for the properties alone."""
        return _info(key, self._call("read", key, self._blob(key).get_blob_properties))

    def read(self, key: str, start: int = 0, size: int | None = None) -> bytes:
        """Fetch in ranges of 4 MiB, each with its own MD5 and tries."""
        check_range(start, size)
        if size == 0:
            self.stat(key)
            return b""
        blob, offset = self._blob(key), start if start or size else None
        try:
            return self._call(
                "read",
                key,
                lambda: blob.download_blob(offset, size, validate_content=True, max_concurrency=1).readall(),
            )
        except OutOfRange:
            return b""

    def download(self, key: str, target: Path) -> BlobInfo:
        """Fetch one version in ranges of 4 MiB; a range that fails is asked for again, not the whole."""
        blob = self._blob(key)
        stream = self._call("read", key, lambda: blob.download_blob(validate_content=True, max_concurrency=1))
        pieces = stream.chunks()
        with whole_file(target) as write:
            while piece := self._call("read", key, lambda: next(pieces, b"")):
                write(piece)
        return _info(key, stream.properties)

    def write(self, key: str, data: bytes | BinaryIO) -> BlobInfo:
        """Put in one request what is below 8 MiB; else in blocks, which become the blob together."""
        return self._put("write", key, data, {})

    def create(self, key: str, data: bytes) -> BlobInfo:
        """Put on condition that none is (If-None-Match: *)."""
        try:
            return self._put("create", key, data, {"match_condition": MatchConditions.IfMissing})
        except BlobChanged:
            raise BlobExists(f"{self.url(key)}: there is a blob already; read it, or replace it") from None

    def replace(self, key: str, data: bytes, etag: str) -> BlobInfo:
        """Put on condition that the ETag still holds (If-Match)."""
        try:
            return self._put(
                "write", key, data, {"match_condition": MatchConditions.IfNotModified, "etag": f'"{etag}"'}
            )
        except BlobNotFound:
            raise BlobChanged(f"{self.url(key)}: another process removed it; read again what is there") from None

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Pages of 5,000, each asked for when the one before is used up."""
        return self._listed(check_prefix(prefix))

    def delete(self, key: str) -> None:
        """Remove the blob with its snapshots."""
        blob = self._blob(key)
        with suppress(BlobNotFound):
            self._call("delete", key, lambda: blob.delete_blob(delete_snapshots="include"))

    def url(self, key: str) -> str:
        """The blob's address without its SAS."""
        return f"{self._base}/{quote(check_key(key))}"

    def _blob(self, key: str) -> BlobClient:
        return self._client.get_blob_client(check_key(key))

    def _call(self, deed: Deed, key: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (AzureError, requests.RequestException) as error:
            ours = translated(error, f"{self._base}/{quote(key)}", deed, self._expires)
        raise ours  # outside the handler, so that no traceback shows the SDK's error, whose text may hold the SAS

    def _put(self, deed: Deed, key: str, data: bytes | BinaryIO, condition: dict[str, Any]) -> BlobInfo:
        blob, writer = self._blob(key), uuid.uuid4().hex
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        options = {
            "metadata": {_WRITER: writer},
            "content_settings": ContentSettings(content_type=kind),
            "validate_content": True,
            **condition,
        }
        pieces = chunks(data, BLOCK_BYTES)
        first = next(pieces, b"")
        try:
            if len(first) < BLOCK_BYTES:
                size = len(first)
                done = self._write(deed, key, lambda: blob.upload_blob(first, overwrite=True, **options))
            else:
                blocks, size = self._stage(deed, key, blob, chain([first], pieces))
                done = self._write(deed, key, lambda: blob.commit_block_list(blocks, **options))
        except (BlobExists, BlobChanged, BlobNotFound):
            # Perhaps it was this very call: a try whose answer was lost, and whose repetition then met its own blob.
            if mine := self._written_by(writer, key):
                return mine
            raise
        return BlobInfo(key=key, size_bytes=size, etag=done["etag"].strip('"'), modified=done["last_modified"])

    def _stage(self, deed: Deed, key: str, blob: BlobClient, pieces: Iterator[bytes]) -> tuple[_Blocks, int]:
        """Send blocks under names of this call's own: blocks of writers racing for one key never mix."""
        blocks, size = [], 0
        for piece in pieces:
            blocks.append(BlobBlock(uuid.uuid4().hex))
            send = partial(blob.stage_block, blocks[-1].id, piece, validate_content=True)
            self._write(deed, key, send)
            size += len(piece)
        return blocks, size

    def _write(self, deed: Deed, key: str, ask: Callable[[], T]) -> T:
        try:
            return self._call(deed, key, ask)
        except NoContainer:
            self._make_container()
        return self._call(deed, key, ask)

    def _make_container(self) -> None:
        try:
            self._call("create", "", self._client.create_container)
            log.info("made the container %s", self._base)
        except BlobExists:
            return  # another process was quicker
        except AccessDenied as error:
            raise AccessDenied(f"{self._base}: no such container, and no right to make it; create it first") from error

    def _written_by(self, writer: str, key: str) -> BlobInfo | None:
        try:
            properties = self._call("read", key, self._blob(key).get_blob_properties)
        except (BlobNotFound, AccessDenied):
            return None
        return _info(key, properties) if properties.metadata.get(_WRITER) == writer else None

    def _listed(self, prefix: str) -> Iterator[BlobInfo]:
        found = iter(self._client.list_blobs(name_starts_with=prefix or None, results_per_page=PAGE_BLOBS))
        with suppress(NoContainer):
            while blob := self._call("list", prefix, lambda: next(found, None)):
                if is_key(blob.name):
                    yield _info(blob.name, blob)


def _options(transport: _Transport, timeouts: Timeouts) -> dict[str, Any]:
    retries = timeouts.attempts - 1
    return {
        "transport": transport,
        # Pauses of about 1, 3, 5, 9 s.
        "retry_policy": ExponentialRetry(
            initial_backoff=1, increment_base=2, random_jitter_range=1, retry_total=retries, retry_read=retries
        ),
        "api_version": API_VERSION,
        "max_single_put_size": BLOCK_BYTES,
        "max_single_get_size": RANGE_BYTES,
        "max_chunk_get_size": RANGE_BYTES,
    }


def _identity() -> TokenCredential:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, and few stores need it

    return DefaultAzureCredential()


def _named(container: str) -> str:
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){2,62}", container):
        raise BadSetting(f"{container!r}: a container has 3 to 63 small letters, digits and single hyphens; rename it")
    return container


def _info(key: str, blob: BlobProperties) -> BlobInfo:
    return BlobInfo(key=key, size_bytes=blob.size, etag=blob.etag.strip('"'), modified=blob.last_modified)
