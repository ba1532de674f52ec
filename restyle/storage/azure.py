"""A store in a container of Azure Blob Storage, or of its emulator Azurite."""

import logging
import mimetypes
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

import requests
from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobBlock, BlobClient, BlobProperties, ContainerClient, ContentSettings

from restyle.errors import AccessDenied, BlobChanged, BlobExists, BlobNotFound
from restyle.storage.azure_client import BLOCK_BYTES
from restyle.storage.azure_errors import Deed, NoContainer, OutOfRange, translated
from restyle.storage.keys import check_key, check_prefix, is_key
from restyle.storage.local import check_range, chunks, whole_file
from restyle.storage.pieces import Pieces, piece_name
from restyle.storage.protocol import BlobInfo

PAGE_BLOBS = 5000  # of a listing; Azure's most
_WRITER = "restylewriter"  # metadata that names the one call that put a blob

T = TypeVar("T")
_Blocks = list[BlobBlock]  # named here, since the class has a method called list
log = logging.getLogger(__name__)


class AzureStore:
    """Blobs of one container, which is made by the first write where the credentials may."""

    def __init__(self, client: ContainerClient, sas_expires: datetime | None) -> None:
        self._client = client
        self._expires = sas_expires
        self._base = client.url.partition("?")[0]

    def __repr__(self) -> str:
        return f"AzureStore({self._base!r})"

    @property
    def others_write_whole(self) -> bool:
        """Block blobs appear with their last block."""
        return True

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

    def stage(self, key: str, index: int, piece: bytes) -> None:
        """Send a block, which the service checks by its MD5."""
        name, blob = piece_name(index, piece), self._blob(key)
        self._write("write", key, lambda: blob.stage_block(name, piece, validate_content=True))

    def staged(self, key: str) -> frozenset[str]:
        """Ask for the blocks of which no blob was made; the service keeps none that came damaged."""
        try:
            _, waiting = self._call("read", key, lambda: self._blob(key).get_block_list("uncommitted"))
        except BlobNotFound:
            return frozenset()
        return frozenset(block.id for block in waiting)

    def commit(self, key: str, pieces: Pieces) -> BlobInfo:
        """Make a blob of the blocks, on condition that none is; its MD5 goes with it, for whoever downloads it."""
        blob, writer, blocks = self._blob(key), uuid.uuid4().hex, [BlobBlock(name) for name in pieces.names]
        options = _described(key, writer, bytes.fromhex(pieces.md5)) | {"match_condition": MatchConditions.IfMissing}
        try:
            return self._put_once(
                "write", key, writer, pieces.size_bytes, lambda: blob.commit_block_list(blocks, **options)
            )
        except BlobChanged:
            raise BlobExists(f"{self.url(key)}: there is a blob already; choose another key") from None

    def md5(self, key: str) -> str | None:
        """As the blob's properties have it."""
        found = self._call("read", key, self._blob(key).get_blob_properties).content_settings.content_md5
        return bytes(found).hex() if found else None

    def create(self, key: str, data: bytes) -> BlobInfo:
        """Put on condition that none is (If-None-Match: *)."""
        try:
            return self._put("create", key, data, {"match_condition": MatchConditions.IfMissing})
        except BlobChanged:
            raise BlobExists(f"{self.url(key)}: there is a blob already; read it, or replace it") from None

    def replace(self, key: str, data: bytes, etag: str) -> BlobInfo:
        """Put on condition that the ETag still holds (If-Match)."""
        try:
            return self._put("write", key, data, _only(etag))
        except BlobNotFound:
            raise BlobChanged(f"{self.url(key)}: another process removed it; read again what is there") from None

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Pages of 5,000, each asked for when the one before is used up."""
        return self._listed(check_prefix(prefix))

    def delete(self, key: str, etag: str | None = None) -> None:
        """Remove the blob with its snapshots, where an ETag is given on condition that it still holds (If-Match)."""
        blob, options = self._blob(key), _only(etag)
        try:
            self._call("delete", key, lambda: blob.delete_blob(delete_snapshots="include", **options))
        except BlobNotFound:
            if etag:
                raise BlobChanged(f"{self.url(key)}: another process removed it") from None

    def url(self, key: str) -> str:
        """The blob's address without its SAS."""
        return f"{self._base}/{quote(check_key(key))}"

    def free_bytes(self) -> int | None:
        """An account has no bound that a run could meet."""
        return None

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
        options = _described(key, writer) | condition
        pieces = chunks(data, BLOCK_BYTES)
        first = next(pieces, b"")
        if len(first) < BLOCK_BYTES:
            return self._put_once(
                deed, key, writer, len(first), lambda: blob.upload_blob(first, overwrite=True, **options)
            )
        blocks, size = self._stage(deed, key, blob, chain([first], pieces))
        return self._put_once(deed, key, writer, size, lambda: blob.commit_block_list(blocks, **options))

    def _put_once(self, deed: Deed, key: str, writer: str, size: int, ask: Callable[[], dict[str, Any]]) -> BlobInfo:
        try:
            done = self._write(deed, key, ask)
        except (BlobExists, BlobChanged, BlobNotFound):
            # Perhaps it was this very call: a try whose answer was lost, and whose repetition then met its own blob.
            if mine := self._written_by(writer, key):
                return mine
            raise
        etag = done["etag"].strip('"')
        return BlobInfo(key=key, size_bytes=size, etag=etag, version=etag, modified=done["last_modified"])

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


def _described(key: str, writer: str, md5: bytes | None = None) -> dict[str, Any]:
    """The options of a call that puts a blob: its kind, who put it, checked on its way."""
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    return {
        "metadata": {_WRITER: writer},
        "content_settings": ContentSettings(content_type=kind, content_md5=bytearray(md5) if md5 else None),
        "validate_content": True,
    }


def _only(etag: str | None) -> dict[str, Any]:
    """The options that make a call fail unless the blob has this ETag."""
    return {"match_condition": MatchConditions.IfNotModified, "etag": f'"{etag}"'} if etag else {}


def _info(key: str, blob: BlobProperties) -> BlobInfo:
    etag = blob.etag.strip('"')
    return BlobInfo(key=key, size_bytes=blob.size, etag=etag, version=etag, modified=blob.last_modified)
