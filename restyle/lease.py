"""A lease: a blob that lets one process among many machines do a thing, and another take over when it falls silent."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from restyle.errors import BlobChanged, BlobExists, BlobNotFound, StorageError, is_transient
from restyle.storage import Store

BEAT_S = 10.0
STALE_S = 60.0
POLL_S = 1.0

log = logging.getLogger(__name__)


@contextmanager
def lease(
    store: Store, key: str, owner: str, wanted: Callable[[], bool], beat_s: float = BEAT_S, stale_s: float = STALE_S
) -> Iterator[bool]:
    """Wait until `key` is ours and keep it by a heartbeat; gives False once it is no longer `wanted`.

    A lease whose blob stands still for `stale_s` (by our own clock, since machines' clocks differ) is taken over. One
    of our own `owner` is taken at once: the caller sees to it that no two live processes have the same owner. A process
    that slept through its lease is not stopped: what leases guard must be right, if wasteful, when done twice.
    """
    etag = _take(store, key, owner, wanted, stale_s)
    if etag is None:
        yield False
        return
    beat = _Heartbeat(store, key, owner, etag, beat_s)
    beat.start()
    try:
        yield True
    finally:
        beat.stop()


def _take(store: Store, key: str, owner: str, wanted: Callable[[], bool], stale_s: float) -> str | None:
    seen, since = "", time.monotonic()
    while wanted():
        with suppress(BlobExists):
            return store.create(key, owner.encode()).etag
        try:
            etag, holder = store.stat(key).etag, store.read(key).decode(errors="replace")
        except BlobNotFound:
            continue
        if etag != seen:
            seen, since = etag, time.monotonic()
        if holder == owner or time.monotonic() - since >= stale_s:
            with suppress(BlobChanged):
                return store.replace(key, owner.encode(), etag).etag
        time.sleep(POLL_S)
    return None


class _Heartbeat(Thread):
    """Writes the lease's blob anew every so often; deletes it in the end if it is still ours."""

    def __init__(self, store: Store, key: str, owner: str, etag: str, beat_s: float) -> None:
        super().__init__(name=f"lease {key}", daemon=True)
        self._store, self._key, self._owner, self._etag, self._beat_s = store, key, owner, etag, beat_s
        self._stopped = Event()
        self._lost = False

    def run(self) -> None:
        while not self._lost and not self._stopped.wait(self._beat_s):
            try:
                self._etag = self._store.replace(self._key, self._owner.encode(), self._etag).etag
            except BlobChanged:
                self._lost = True
                log.warning("%s: another process took this lease, for ours stood still too long", self._key)
            except StorageError as error:
                if not is_transient(error):
                    raise

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        with suppress(StorageError):
            if not self._lost and self._store.stat(self._key).etag == self._etag:
                self._store.delete(self._key)
