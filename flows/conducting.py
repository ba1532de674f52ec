"""Range by range: split and upload beside the flow, paint on the cluster, with bounds on what is under way."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from prefect import unmapped
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import ThreadPoolTaskRunner

from restyle.domain import FrameBatch, FrameRange
from restyle.errors import BatchesFailed, shortened
from restyle.ledger import BatchRecord
from restyle.media.decode import FrameDecoder
from restyle.plan import Plan, cut_ranges
from restyle.progress import BatchEnded, Progress, announce, tell
from tasks.painting import style_batch
from tasks.splitting import split_frames, upload_frames

RANGE_BATCHES = 2
"""Batches per range: at most two ranges of images lie in the local spool."""

log = logging.getLogger(__name__)


@dataclass
class Painting:
    """The batches of one run that are submitted, and how many frames of them are done."""

    plan: Plan
    in_flight: int
    trusted: frozenset[int]
    futures: dict[FrameBatch, PrefectFuture[Any]] = field(default_factory=dict)
    done: int = 0

    def __post_init__(self) -> None:
        self._room = BoundedSemaphore(self.in_flight)
        self._lock = Lock()
        self._reused = sum(len(b) for b in self.plan.batches if b.index in self.trusted)

    def submit(self, span: FrameRange, uploaded: PrefectFuture[Any]) -> None:
        """Map style-batch over a range whose frames are in the store, when there is room for it."""
        uploaded.result()
        for _ in span.batches:
            self._room.acquire()
        mapped = style_batch.map(
            list(span.batches),
            job_id=unmapped(self.plan.job.job_id),
            wait_for=[uploaded.state],  # type: ignore[list-item]  # a future does not pickle; its state does
        )
        for batch, future in zip(span.batches, mapped, strict=True):
            self.futures[batch] = future
            future.add_done_callback(partial(self._ended, batch))

    def _ended(self, batch: FrameBatch, future: Any) -> None:  # a PrefectDaskFuture, as a DaskTaskRunner gives
        self._room.release()
        ended = _how_it_ended(batch, future)
        tell(ended)
        if ended.state in ("painted", "reused"):
            with self._lock:
                self.done += len(batch)
                announce(Progress(self.done, self.plan.frame_count, self._reused))

    def outcome(self) -> list[BatchRecord]:
        """The records in frame order, once every batch has ended. Raises BatchesFailed, naming each that failed."""
        records, failures = [], []
        for batch, future in self.futures.items():
            try:
                records.append(future.result())
            except Exception as error:  # noqa: BLE001  (whatever ended a batch, the others' outcome counts)
                failures.append(f"batch {batch.index} (frames {batch.start}-{batch.stop - 1}): {error}")
        if failures:
            raise BatchesFailed(
                f"{len(failures)} of {len(self.futures)} batches failed, the others are painted and kept; "
                + shortened(failures, "; ")
            )
        return records


def _how_it_ended(batch: FrameBatch, future: Any) -> BatchEnded:
    if future.wrapped_future.status != "finished":
        return BatchEnded(batch, "crashed", error="its worker died")
    future.wait()
    if not future.state.is_completed():
        return BatchEnded(batch, "failed", error=future.state.message)
    entry: BatchRecord = future.state.result()
    return BatchEnded(
        batch,
        "reused" if future.state.name == "AlreadyPainted" else "painted",
        entry.attempts,
        entry.worker,
        entry.timings.total_s,
    )


def paint_ranges(
    plan: Plan, decoder: FrameDecoder, folder: Path, trusted: frozenset[int], in_flight: int
) -> list[BatchRecord]:
    """Split, upload and paint every range; a range is split while the one before is uploaded and others are painted.

    trusted: indices of batches that are painted already. in_flight: batches submitted and not ended, at most.
    """
    painting = Painting(plan, max(in_flight, RANGE_BATCHES), trusted)
    try:
        beside: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=2)
        with beside:
            _feed(painting, beside, cut_ranges(plan.batches, RANGE_BATCHES), decoder, folder)
    except Exception:
        wait(list(painting.futures.values()))  # what is being painted is not lost
        raise
    return painting.outcome()


def _feed(
    painting: Painting,
    beside: ThreadPoolTaskRunner[Any],
    ranges: Iterable[FrameRange],
    decoder: FrameDecoder,
    folder: Path,
) -> None:
    uploading: list[tuple[FrameRange, PrefectFuture[Any]]] = []
    for span in ranges:
        common = {
            "job": painting.plan.job,
            "span": span,
            "folder": folder / f"range-{span.index}",
            "needed": any(batch.index not in painting.trusted for batch in span.batches),
        }
        split = beside.submit(split_frames, {**common, "decoder": decoder})
        split.result()
        if uploading:
            painting.submit(*uploading.pop())
        uploading.append((span, beside.submit(upload_frames, common, wait_for=[split])))
    painting.submit(*uploading.pop())
