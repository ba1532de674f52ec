"""Painting one batch directly: from the source's bytes to a segment, with no image of each frame in the store."""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from restyle.batches import FrameTimes, Loaded, LoopTimes, Painted, Painter, new_record, paint_frames
from restyle.domain import FrameBatch, VideoInfo
from restyle.encoding import Segments
from restyle.images import Pixels, encode_image
from restyle.layout import frames, image_name, styled
from restyle.ledger import BatchRecord, FrameRecord, Ledger
from restyle.media.decode import FrameDecoder
from restyle.media.encode import encode_segment
from restyle.media.options import OutputOptions
from restyle.pairs import shown_frames
from restyle.plan import Plan
from restyle.prefetch import prefetch
from restyle.storage import Store


def paint_directly(
    data: Store,
    ledger: Ledger,
    segments: Segments,
    plan: Plan,
    info: VideoInfo,
    options: OutputOptions,
    batch: FrameBatch,
    decoder: FrameDecoder,
    painter: Painter,
    folder: Path,
    *,
    attempts: int,
    worker: str,
    seen: Callable[[FrameTimes], None] = lambda _: None,
    require_wanted: Callable[[], None] = lambda: None,
) -> BatchRecord:
    """Decode, paint and encode a batch, one beside the other; upload its segment, then commit its record.

    folder: for the segment on its way. seen, require_wanted: as for paint_batch. Holds at most seven mini-batches of
    frames in memory, beside what the encoder holds. The frames that the report shows are stored as images. Raises what
    decoding, painting, encoding and the stores raise.
    """
    spent, target = LoopTimes(), folder / f"{batch.index}.mkv"
    shown = set(shown_frames(plan.frame_count))
    records: list[FrameRecord] = []

    def recorded(done: Painted) -> Pixels:
        if done.number in shown:
            _show(data, plan, done)
        digest = hashlib.sha256(done.pixels.data).hexdigest()
        seen(FrameTimes(done.number, done.source.seconds, done.model_s, store_s=0.0))
        records.append(FrameRecord(size_bytes=done.pixels.nbytes, sha256=digest, source_sha256=done.source.sha256))
        return done.pixels

    numbers, mini = range(plan.first_seen(batch), batch.stop), plan.numeric.mini_batch
    with (
        # Where painting fails, its traceback would keep what is left, and the decoder's next batch would get it.
        closing(decoder.frames(numbers.start, numbers.stop)) as decoded,
        # One thread each, for their order.
        ThreadPoolExecutor(1, thread_name_prefix="decoding") as decoding,
        ThreadPoolExecutor(1, thread_name_prefix="hashing") as hashing,
        ThreadPoolExecutor(1, thread_name_prefix="recording") as recording,
    ):
        received = prefetch(decoding, lambda _: _receive(decoded), numbers, ahead=2 * mini)
        sources = prefetch(hashing, _hashed, received, ahead=mini)
        painted = paint_frames(plan, batch, sources, painter, spent, require_wanted)
        pixels = prefetch(recording, recorded, painted, ahead=mini)
        encode_segment(pixels, (plan.width, plan.height), info, options, target, plan.numeric.threads)
    entry = new_record(plan, batch, tuple(records), spent, attempts, worker)
    segments.commit(entry, target, entry.timings.store_s)
    target.unlink()
    ledger.commit(entry)
    return entry


def _receive(decoded: Iterator[Pixels]) -> tuple[Pixels, float]:
    begun = time.perf_counter()
    return next(decoded), time.perf_counter() - begun


def _hashed(received: tuple[Pixels, float]) -> Loaded:
    begun = time.perf_counter()
    pixels, seconds = received
    return Loaded(pixels, hashlib.sha256(pixels.data).hexdigest(), seconds + time.perf_counter() - begun)


def _show(data: Store, plan: Plan, done: Painted) -> None:
    name = image_name(done.number, plan.job.look.image)
    for prefix, pixels in ((frames, done.source.pixels), (styled, done.pixels)):
        data.write(prefix(plan.job.job_id) + name, encode_image(pixels, plan.job.look.image))
