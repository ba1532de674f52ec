"""Painting one batch: source images in, painted images out, the ledger record last."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

import numpy as np

from restyle.domain import FrameBatch, FrameFormat
from restyle.errors import BlobNotFound, FrameCorrupt
from restyle.images import Pixels, decode_image, encode_image, most_bytes
from restyle.layout import frames, image_name
from restyle.ledger import BatchRecord, FrameRecord, Ledger, Timings
from restyle.plan import Plan
from restyle.prefetch import one_ahead, prefetch
from restyle.storage import Store

log = logging.getLogger(__name__)

Painter = Callable[[Pixels], Callable[[], Pixels]]
"""Begins to paint (N, H, W, 3) uint8 RGB by any per-frame model; what it gives waits for the same of painted ones."""

IO_THREADS = 8


class FrameTimes(NamedTuple):
    """What one image took, in seconds; images are loaded and stored several at a time, beside the painting."""

    frame: int
    load_s: float
    """from the store to pixels"""
    model_s: float
    """its share of the mini-batch"""
    store_s: float
    """from pixels to the store"""


class Loaded(NamedTuple):
    """A source frame."""

    pixels: Pixels
    sha256: str
    """of its image, or of its pixels where no image is stored"""
    seconds: float


class Painted(NamedTuple):
    """A frame that is painted and not yet stored."""

    number: int
    source: Loaded
    pixels: Pixels
    model_s: float
    """its share of the mini-batch"""


@dataclass
class LoopTimes:
    """What the painting loop of a batch waited for, in seconds, since `begun`."""

    begun: float = field(default_factory=time.perf_counter)
    load_s: float = 0.0
    model_s: float = 0.0

    def timings(self) -> Timings:
        """Up to now: what was neither loading nor painting was storing."""
        total_s = time.perf_counter() - self.begun
        store_s = total_s - self.load_s - self.model_s
        return Timings(total_s=total_s, model_s=self.model_s, load_s=self.load_s, store_s=store_s)


def paint_frames(
    plan: Plan,
    batch: FrameBatch,
    sources: Iterator[Loaded],
    painter: Painter,
    spent: LoopTimes,
    require_wanted: Callable[[], None],
) -> Iterator[Painted]:
    """A batch's frames, painted in mini-batches as they are taken.

    sources: the frames of its lead-in, which are painted for those that follow and not given out, and its own.
    require_wanted: called before each mini-batch; what it raises ends the batch.
    """
    mini, numbers = plan.numeric.mini_batch, range(plan.first_seen(batch), batch.stop)
    clock = time.perf_counter

    def begun() -> Iterator[tuple[range, list[Loaded], Callable[[], Pixels]]]:
        for first in range(0, len(numbers), mini):
            require_wanted()
            t0 = clock()
            loaded = list(islice(sources, mini))
            t1 = clock()
            painted = painter(np.stack([one.pixels for one in loaded]))
            spent.load_s += t1 - t0
            spent.model_s += clock() - t1
            yield numbers[first : first + mini], loaded, painted

    # A GPU has the next mini-batch before it is done with one.
    for part, loaded, wait in one_ahead(begun()):
        t0 = clock()
        painted = wait()
        model_s = clock() - t0
        spent.model_s += model_s
        for number, pixels, one in zip(part, painted, loaded, strict=True):
            if number >= batch.start:
                yield Painted(number, one, pixels, model_s / len(part))


def paint_batch(
    data: Store,
    ledger: Ledger,
    plan: Plan,
    batch: FrameBatch,
    painter: Painter,
    *,
    attempts: int,
    worker: str,
    seen: Callable[[FrameTimes], None] = lambda _: None,
    require_wanted: Callable[[], None] = lambda: None,
) -> BatchRecord:
    """Paint a batch whose source frames, and those of its lead-in, are in the store and commit its record.

    seen: called for each image that is stored, in any order and from several threads. require_wanted: as for
    paint_frames. Holds at most six mini-batches of frames in memory. Raises FrameCorrupt for a source frame that is
    missing or damaged, and what the store raises.
    """
    spent, ahead = LoopTimes(), 2 * plan.numeric.mini_batch
    prefix, keys = frames(plan.job.job_id), ledger.styled_keys(batch)
    names = [image_name(i, plan.job.look.image) for i in range(plan.first_seen(batch), batch.stop)]
    stored: list[Future[FrameRecord]] = []
    with ThreadPoolExecutor(IO_THREADS, thread_name_prefix="frames") as pool:
        sources = prefetch(pool, lambda name: _load(data, prefix + name, plan), names, ahead)
        for done in paint_frames(plan, batch, sources, painter, spent, require_wanted):
            stored.append(pool.submit(_save, data, keys[done.number - batch.start], done, plan.job.look.image, seen))
            if len(stored) > ahead:
                stored[-ahead - 1].result()
        records = tuple(future.result() for future in stored)
    entry = new_record(plan, batch, records, spent, attempts, worker)
    ledger.commit(entry)
    log.info("painted frames %d-%d in %.1f s", batch.start, batch.last, entry.timings.total_s)
    return entry


def new_record(
    plan: Plan, batch: FrameBatch, records: tuple[FrameRecord, ...], spent: LoopTimes, attempts: int, worker: str
) -> BatchRecord:
    """The record of a batch that has just been painted."""
    return BatchRecord(
        batch=batch,
        frames=records,
        numeric=plan.numeric,
        timings=spent.timings(),
        attempts=attempts,
        worker=worker,
        finished=datetime.now(UTC),
    )


def _load(data: Store, key: str, plan: Plan) -> Loaded:
    begun = time.perf_counter()
    try:
        content = data.read(key, 0, most_bytes(plan.width, plan.height))
    except BlobNotFound as error:
        raise FrameCorrupt(f"{key}: the source frame is missing; run the job again to split it anew") from error
    pixels = decode_image(content, key, plan.width, plan.height)
    return Loaded(pixels, hashlib.sha256(content).hexdigest(), time.perf_counter() - begun)


def _save(data: Store, key: str, done: Painted, image: FrameFormat, seen: Callable[[FrameTimes], None]) -> FrameRecord:
    begun = time.perf_counter()
    content = encode_image(done.pixels, image)
    data.write(key, content)
    seen(FrameTimes(done.number, done.source.seconds, done.model_s, store_s=time.perf_counter() - begun))
    digest = hashlib.sha256(content).hexdigest()
    return FrameRecord(size_bytes=len(content), sha256=digest, source_sha256=done.source.sha256)
