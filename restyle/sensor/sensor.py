"""The sensor: looks at the data store and starts one run for each version of what is dropped there.

The run comes first, under a key by which the server knows a second request for it; then the receipt. So a sensor that
is killed between the two, or races another, starts nothing twice, and loses nothing.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Literal

from restyle.domain import Frozen
from restyle.errors import BlobNotFound, OrderRefused, RestyleError
from restyle.layout import INBOX, TRIGGERS
from restyle.order import VideoOrder
from restyle.sensor.drops import Stillness, drop_id, is_trigger, style_of
from restyle.sensor.reading import order_of
from restyle.sensor.receipts import Receipts, StartedRun
from restyle.sensor.refusing import put_aside
from restyle.storage import BlobInfo, Store

log = logging.getLogger(__name__)

MOST = 100
FAILURES_IN_A_ROW = 3

Start = Callable[[VideoOrder, str], StartedRun]
"""Starts a run of an order, or finds the one it started under the same key. Raises OrderRefused, ServerUnavailable."""
Outcome = Literal["started", "refused", "waiting", "gone", "failed"]


class Sweep(Frozen):
    """What one look at the store came to, as numbers of blobs."""

    started: int = 0
    refused: int = 0
    waiting: int = 0
    failed: int = 0
    left: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in self if count) or "nothing new"


class Sensor:
    """Watches one data store. Several may watch the same one at the same time."""

    def __init__(self, data: Store, control: Store, start: Start, still_s: float = 10.0, most: int = MOST) -> None:
        """still_s: for how long a file must not have changed. most: blobs handled in one sweep, good and bad alike."""
        self._data = data
        self._receipts = Receipts(control)
        self._start = start
        self._stillness = Stillness(data.others_write_whole, still_s)
        self._most = most
        self._done: set[str] = set()
        self._tries: dict[str, int] = {}

    def sweep(self) -> Sweep:
        """Handle what is new, the oldest first, and after it what was tried before: nothing bad holds up the good."""
        self._stillness.look_anew()
        fresh = self._fresh()
        whole = {name: blob for name, blob in fresh.items() if self._is_whole(blob)}
        turn = sorted(whole, key=lambda name: (self._tries.get(name, 0), whole[name].modified, name))
        counts = dict.fromkeys(("started", "refused", "waiting", "gone", "failed"), 0)
        in_a_row = 0
        for name in turn[: self._most]:
            outcome = self._outcome(whole[name].key, partial(self._take, whole[name], name))
            counts[outcome] += 1
            in_a_row = in_a_row + 1 if outcome == "failed" else 0
            if outcome in ("started", "refused"):
                self._done.add(name)
            else:
                self._tries[name] = self._tries.get(name, 0) + 1
            if in_a_row == FAILURES_IN_A_ROW:
                break  # the server or the store is away: the others would only wait for it
        waiting = counts["waiting"] + len(fresh) - len(whole)
        left = len(whole) - sum(counts.values())
        return Sweep(
            started=counts["started"], refused=counts["refused"], waiting=waiting, failed=counts["failed"], left=left
        )

    def take(self, key: str) -> Outcome:
        """Handle one blob that an event tells of, as it is now."""
        return self._outcome(key, lambda: self._take_new(key)) if is_dropped(key) else "gone"

    def _fresh(self) -> dict[str, BlobInfo]:
        """What is dropped and has no receipt yet."""
        listed = {
            drop_id(self._data, blob): blob
            for prefix in (TRIGGERS, INBOX)
            for blob in self._data.list(prefix)
            if is_dropped(blob.key)
        }
        unknown = listed.keys() - self._done
        self._done = listed.keys() & (self._done | self._receipts.having(unknown))
        self._tries = {name: tries for name, tries in self._tries.items() if name in listed}
        return {name: blob for name, blob in listed.items() if name not in self._done}

    def _is_whole(self, blob: BlobInfo) -> bool:
        """An empty video is no video yet, however long it stays so."""
        return self._stillness.is_whole(blob) and (blob.size_bytes > 0 or is_trigger(blob.key))

    def _outcome(self, key: str, handle: Callable[[], Outcome]) -> Outcome:
        """What came of a blob, whatever went wrong: one that cannot be handled must not keep us from the others."""
        try:
            return handle()
        except BlobNotFound:
            return "gone"
        except RestyleError as error:
            log.warning("%s: will be tried again: %s", key, error)
        except Exception:
            log.exception("%s: will be tried again", key)
        return "failed"

    def _take_new(self, key: str) -> Outcome:
        blob = self._data.stat(key)
        if not blob.size_bytes:
            return "gone"  # some clients put an empty blob first; its content comes with an event of its own
        name = drop_id(self._data, blob)
        return "started" if self._receipts.having({name}) else self._take(blob, name)

    def _take(self, blob: BlobInfo, name: str) -> Outcome:
        try:
            order = order_of(self._data, blob, self._stillness.is_whole)
            if order is None:
                return "waiting"
            if self._data.stat(blob.key).version != blob.version:
                return "gone"  # replaced since it was listed: the next sweep meets what is there now
            run = self._start(order, name)
        except OrderRefused as refusal:
            self._refuse(blob, name, str(refusal))
            return "refused"
        self._receipts.write(name, blob, run=run, order=order)
        log.info("%s: started %s (%s)", blob.key, run.name, run.run_id)
        return "started"

    def _refuse(self, blob: BlobInfo, name: str, words: str) -> None:
        log.warning("%s: refused: %s", blob.key, words)
        if not put_aside(self._data, blob, words):
            self._receipts.write(name, blob, reason=words)


def is_dropped(key: str) -> bool:
    """Whether this is a trigger, or a video in a style's folder."""
    return is_trigger(key) or style_of(key) is not None
