"""A store whose credentials are asked for anew when they are refused: a SAS that ended or was rotated stops nothing."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, TypeVar

from restyle.errors import AccessDenied
from restyle.storage.open import open_store
from restyle.storage.pieces import Pieces
from restyle.storage.protocol import BlobInfo, Store

T = TypeVar("T")
log = logging.getLogger(__name__)


class RenewedStore:
    """The store that `ask` names, in the words of open_store; asked again after each refusal, for one more try."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._spec = ask()
        self._store = open_store(self._spec)

    def __repr__(self) -> str:
        return f"RenewedStore({self._store!r})"

    def __reduce__(self) -> Any:  # of any object
        raise TypeError("a RenewedStore holds a secret and connections; open it where it is used")

    @property
    def others_write_whole(self) -> bool:
        """As the store itself."""
        return self._store.others_write_whole

    def stat(self, key: str) -> BlobInfo:
        """As the store itself."""
        return self._tried(lambda store: store.stat(key))

    def read(self, key: str, start: int = 0, size: int | None = None) -> bytes:
        """As the store itself."""
        return self._tried(lambda store: store.read(key, start, size))

    def download(self, key: str, target: Path) -> BlobInfo:
        """As the store itself."""
        return self._tried(lambda store: store.download(key, target))

    def write(self, key: str, data: bytes | BinaryIO) -> BlobInfo:
        """As the store itself; a stream is read again from where it stood."""
        if isinstance(data, bytes):
            return self._tried(lambda store: store.write(key, data))
        begin = data.tell() if data.seekable() else None

        def put(store: Store) -> BlobInfo:
            if begin is not None:
                data.seek(begin)
            return store.write(key, data)

        return self._tried(put) if begin is not None else put(self._store)

    def stage(self, key: str, index: int, piece: bytes) -> None:
        """As the store itself."""
        self._tried(lambda store: store.stage(key, index, piece))

    def staged(self, key: str) -> frozenset[str]:
        """As the store itself."""
        return self._tried(lambda store: store.staged(key))

    def commit(self, key: str, pieces: Pieces) -> BlobInfo:
        """As the store itself."""
        return self._tried(lambda store: store.commit(key, pieces))

    def md5(self, key: str) -> str | None:
        """As the store itself."""
        return self._tried(lambda store: store.md5(key))

    def create(self, key: str, data: bytes) -> BlobInfo:
        """As the store itself."""
        return self._tried(lambda store: store.create(key, data))

    def replace(self, key: str, data: bytes, etag: str) -> BlobInfo:
        """As the store itself."""
        return self._tried(lambda store: store.replace(key, data, etag))

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """As the store itself; refused half way, the rest is listed with the new credentials."""
        last = ""
        store = self._store
        while True:
            try:
                for blob in store.list(prefix):
                    if blob.key > last:  # blobs come in the order of their keys
                        yield blob
                        last = blob.key
            except AccessDenied:
                if not self._renewed(store):
                    raise
                store = self._store
            else:
                return

    def delete(self, key: str, etag: str | None = None) -> None:
        """As the store itself."""
        self._tried(lambda store: store.delete(key, etag))

    def url(self, key: str) -> str:
        """As the store itself."""
        return self._store.url(key)

    def free_bytes(self) -> int | None:
        """As the store itself."""
        return self._store.free_bytes()

    def _tried(self, deed: Callable[[Store], T]) -> T:
        store = self._store
        try:
            return deed(store)
        except AccessDenied:
            if not self._renewed(store):
                raise
        return deed(self._store)

    def _renewed(self, refused: Store) -> bool:
        """Whether there is another store by now than the one that was refused."""
        with self._lock:
            if self._store is not refused:
                return True  # another thread asked meanwhile
            spec = self._ask()
            if spec == self._spec:
                return False
            self._spec, self._store = spec, open_store(spec)
            log.info("%r was refused; it has new credentials now", self._store)
            return True
