"""What a store can do, the same on a folder and on Azure Blob, and the rules its keys obey."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from pydantic import Field

from restyle.domain import Frozen
from restyle.storage.pieces import Pieces


class BlobInfo(Frozen):
    """A blob as its store lists it."""

    key: str
    size_bytes: int
    etag: str
    version: str = Field(
        description="of its content, the same for whoever sees the store: ETag, or size and time in ns"
    )
    modified: datetime


class Store(Protocol):
    """A flat space of blobs under '/'-separated keys. Writes appear whole or not at all. Safe to share between threads.

    Costly to open where connections are pooled: open one per process, with ``open_store``.

    Every method raises BadKey for a key outside the rules, AccessDenied where the credentials do not
    suffice, and StoreUnavailable when the store cannot be reached in bounded time.
    """

    @property
    def others_write_whole(self) -> bool:
        """Whether a blob that others put appears whole too, and not while it is still being copied there."""

    def stat(self, key: str) -> BlobInfo:
        """Size and ETag of a blob. Raises BlobNotFound."""

    def read(self, key: str, start: int = 0, size: int | None = None) -> bytes:
        """Bytes [start, start + size) of a blob, clipped at its end; without a size, all from start on.

        Raises BlobNotFound, and ValueError for a negative start or size.
        """

    def download(self, key: str, target: Path) -> BlobInfo:
        """Stream a blob into a local file, which appears whole or not at all. Raises BlobNotFound."""

    def write(self, key: str, data: bytes | BinaryIO) -> BlobInfo:
        """Put a blob, replacing any; a stream is read in chunks, never whole."""

    def stage(self, key: str, index: int, piece: bytes) -> None:
        """Keep piece number `index` of a blob to be, for a week; PIECE_BYTES long, the last one at most that.

        No blob appears and none changes. Pieces may come in any order and from several threads.
        """

    def staged(self, key: str) -> frozenset[str]:
        """Names (``piece_name``) of the pieces kept of a blob to be, each whole."""

    def commit(self, key: str, pieces: Pieces) -> BlobInfo:
        """Make a blob of staged pieces, only where none is. Raises BlobExists.

        Raises StoreUnavailable where pieces are missing or damaged; ``staged`` tells which to stage again.
        """

    def md5(self, key: str) -> str | None:
        """MD5 of a blob's content in hexadecimal, None where the store does not know it. Raises BlobNotFound."""

    def create(self, key: str, data: bytes) -> BlobInfo:
        """Put a blob only where none is. Of racing callers one wins, the others raise BlobExists."""

    def replace(self, key: str, data: bytes, etag: str) -> BlobInfo:
        """Put a blob only over the version with this ETag. Raises BlobChanged, also when the blob is gone."""

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Blobs whose keys start with prefix, in key order, fetched page by page as the iterator advances.

        Names that others put there and that are no keys are left out; a store not made yet has no blobs.
        """

    def delete(self, key: str, etag: str | None = None) -> None:
        """Remove a blob; one that is not there is fine.

        With an ETag only over that version: raises BlobChanged, also when the blob is gone.
        """

    def url(self, key: str) -> str:
        """Where a person finds the blob: a path or URL without any secret."""

    def free_bytes(self) -> int | None:
        """Room left for more, None where the store knows no bound."""
