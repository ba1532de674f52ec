"""What a run logs into the control store: one file for the run and one per batch, in one folder."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from restyle import layout
from restyle.batches import FrameTimes
from restyle.domain import FrameBatch
from restyle.errors import BlobNotFound, RestyleError
from restyle.ledger import BatchRecord
from restyle.storage import Store

SAID_CHARACTERS = 1000
"""Of an error: some libraries put whole tables into theirs."""

log = logging.getLogger(__name__)


class EventLog:
    """Events with their numbers, one JSON object a line; a file that is there is gone on with."""

    def __init__(self, control: Store, key: str) -> None:
        self._control = control
        self._key = key
        self._lines: list[str] = []

    def event(self, event: str, **numbers: Any) -> None:  # whatever JSON holds
        """Note what happened now."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._lines.append(json.dumps({"time": stamp, "event": event, **numbers}, ensure_ascii=False))

    def failed(self, error: BaseException) -> None:
        """Note what ended it."""
        self.event("failed", error=type(error).__name__, message=str(error)[:SAID_CHARACTERS])

    def write(self) -> None:
        """Put the lines into the store. A log that cannot be written fails no work."""
        lines, self._lines = self._lines, []
        try:
            earlier = _read(self._control, self._key)
            self._control.write(self._key, earlier + "".join(line + "\n" for line in lines).encode())
        except RestyleError as error:
            log.warning("%s: not written (%s)", self._key, error)


class BatchLog(EventLog):
    """What one attempt at a batch noted."""

    def frame(self, times: FrameTimes) -> None:
        """Note an image; safe from several threads."""
        self.event(
            "frame",
            frame=times.frame,
            load_s=round(times.load_s, 4),
            model_s=round(times.model_s, 4),
            store_s=round(times.store_s, 4),
        )

    def painted(self, entry: BatchRecord) -> None:
        """Note a batch that is recorded."""
        seconds = {name: round(value, 4) for name, value in entry.timings}
        self.event("painted", frames=len(entry.batch), bytes=sum(f.size_bytes for f in entry.frames), **seconds)


@contextmanager
def batch_log(control: Store, run_id: str | None, batch: FrameBatch, attempt: int, worker: str) -> Iterator[BatchLog]:
    """The log of an attempt, written once, when the context ends, also by an exception, which is noted."""
    noted = BatchLog(control, layout.batch_log(run_id or "no-run", batch.index))
    noted.event(
        "begun", batch=batch.index, first_frame=batch.start, last_frame=batch.last, attempt=attempt, worker=worker
    )
    try:
        yield noted
    except BaseException as error:
        noted.failed(error)
        raise
    finally:
        noted.write()


class Attempt(NamedTuple):
    """Who tried a batch last, for which time."""

    attempt: int
    worker: str


def last_attempt(control: Store, run_id: str, batch: int) -> Attempt | None:
    """The last attempt at a batch that ended in this run, or None; one that was killed wrote nothing."""
    lines = [json.loads(line) for line in _read(control, layout.batch_log(run_id, batch)).splitlines()]
    begun = [line for line in lines if line["event"] == "begun"]
    return Attempt(begun[-1]["attempt"], begun[-1]["worker"]) if begun else None


def _read(control: Store, key: str) -> bytes:
    try:
        return control.read(key)
    except BlobNotFound:
        return b""


def spoken(entry: BatchRecord) -> str:
    """A painted batch in one line."""
    batch, spent = entry.batch, entry.timings
    rate = len(batch) / spent.total_s if spent.total_s else 0.0
    return (
        f"painted batch {batch.index}, frames {batch.start}-{batch.last}, in {spent.total_s:.2f} s "
        f"({rate:.1f} frames/s: model {spent.model_s:.2f}, load {spent.load_s:.2f}, store {spent.store_s:.2f} s) "
        f"on {entry.worker}, attempt {entry.attempts}"
    )
