"""Painting one batch: source images in, painted images out, the ledger record last."""

import hashlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from restyle.domain import FrameBatch, FrameFormat
from restyle.errors import BlobNotFound, FrameCorrupt
from restyle.images import Pixels, decode_image, encode_image, most_bytes
from restyle.layout import frames, image_name
from restyle.ledger import BatchRecord, FrameRecord, Ledger, Timings
from restyle.plan import Plan
from restyle.prefetch import prefetch
from restyle.storage import Store

log = logging.getLogger(__name__)

Painter = Callable[[Pixels], Pixels]
"""(N, H, W, 3) uint8 RGB to the same: any per-frame model."""

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
    """A source image."""

    pixels: Pixels
    sha256: str
    seconds: float


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

    seen: called for each image that is stored, in any order and from several threads. require_wanted: called before
    each mini-batch; what it raises ends the batch. Holds at most four mini-batches
    of frames in memory. Raises FrameCorrupt for a source frame that is missing or damaged, and what the store raises.
    """
    image = plan.job.look.frames
    clock = time.perf_counter
    begun, model_s, load_s, store_s = clock(), 0.0, 0.0, 0.0
    numbers = range(plan.first_seen(batch), batch.stop)
    names = [image_name(i, image) for i in numbers]
    keys = ledger.styled_keys(batch)
    stored: list[Future[FrameRecord]] = []
    with ThreadPoolExecutor(IO_THREADS, thread_name_prefix="frames") as pool:
        mini = plan.numeric.mini_batch
        prefix = frames(plan.job.job_id)
        sources = prefetch(pool, lambda name: _load(data, prefix + name, plan), names, ahead=2 * mini)
        for first in range(0, len(names), mini):
            require_wanted()
            t0 = clock()
            loaded = [next(sources) for _ in names[first : first + mini]]
            t1 = clock()
            painted = painter(np.stack([one.pixels for one in loaded]))
            t2 = clock()
            for number, pixels, one in zip(numbers[first : first + mini], painted, loaded, strict=True):
                if number < batch.start:
                    continue  # of the lead-in: another batch stores it
                times = FrameTimes(number, one.seconds, (t2 - t1) / len(loaded), store_s=0.0)
                key = keys[number - batch.start]
                stored.append(pool.submit(_save, data, key, pixels, image, one.sha256, times, seen))
            for pending in stored[: -2 * mini]:
                pending.result()
            t3 = clock()
            load_s, model_s, store_s = load_s + t1 - t0, model_s + t2 - t1, store_s + t3 - t2
        t3 = clock()
        records = tuple(future.result() for future in stored)
        store_s += clock() - t3
    timings = Timings(total_s=clock() - begun, model_s=model_s, load_s=load_s, store_s=store_s)
    entry = BatchRecord(
        batch=batch,
        frames=records,
        numeric=plan.numeric,
        timings=timings,
        attempts=attempts,
        worker=worker,
        finished=datetime.now(UTC),
    )
    ledger.commit(entry)
    log.info("painted frames %d-%d in %.1f s", batch.start, batch.last, timings.total_s)
    return entry


def _load(data: Store, key: str, plan: Plan) -> Loaded:
    begun = time.perf_counter()
    try:
        content = data.read(key, 0, most_bytes(plan.width, plan.height))
    except BlobNotFound as error:
        raise FrameCorrupt(f"{key}: the source frame is missing; run the job again to split it anew") from error
    pixels = decode_image(content, key, plan.width, plan.height)
    return Loaded(pixels, hashlib.sha256(content).hexdigest(), time.perf_counter() - begun)


def _save(
    data: Store,
    key: str,
    pixels: Pixels,
    image: FrameFormat,
    source_sha256: str,
    times: FrameTimes,
    seen: Callable[[FrameTimes], None],
) -> FrameRecord:
    begun = time.perf_counter()
    content = encode_image(pixels, image)
    data.write(key, content)
    seen(times._replace(store_s=time.perf_counter() - begun))
    return FrameRecord(size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), source_sha256=source_sha256)
