"""From painted images back to a video: batches encoded by themselves, joined, muxed, verified, recorded."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from restyle.domain import Frozen, VideoInfo
from restyle.encoding import SegmentRecord, Segments
from restyle.errors import BlobNotFound, FrameCorrupt
from restyle.images import Pixels, decode_image
from restyle.layout import output, output_record
from restyle.ledger import BatchRecord, FrameRecord, Ledger
from restyle.media.encode import encode_segment
from restyle.media.mux import MuxPlan, assemble
from restyle.media.options import OutputOptions, encoding_id
from restyle.media.verify import verify_output
from restyle.plan import Plan
from restyle.prefetch import prefetch
from restyle.storage import Store

READ_THREADS = 4


class OutputRecord(Frozen):
    """The receipt of an output that was verified and uploaded."""

    key: str
    size_bytes: int
    sha256: str
    codec: str
    frames: int
    duration_s: float
    worst_drift_s: float
    encode_s: float
    notes: tuple[str, ...]


def painted_frames(data: Store, ledger: Ledger, plan: Plan, entry: BatchRecord) -> Iterator[Pixels]:
    """A batch's painted frames in order, each checked against its recorded hash.

    A frame that is not what its record says takes that record back, so that the next run paints its batch again.
    """

    def load(item: tuple[str, FrameRecord]) -> Pixels:
        key, recorded = item
        try:
            content = data.read(key, 0, recorded.size_bytes + 1)
            if hashlib.sha256(content).hexdigest() != recorded.sha256:
                raise FrameCorrupt(f"{key}: not the bytes that were painted; run the job again to repaint its batch")
            return decode_image(content, key, plan.width, plan.height)
        except (FrameCorrupt, BlobNotFound):
            ledger.strike([entry])
            raise

    items = zip(ledger.styled_keys(entry.batch), entry.frames, strict=True)
    with ThreadPoolExecutor(READ_THREADS) as pool:
        yield from prefetch(pool, load, items, ahead=2 * READ_THREADS)


def encode_batch(
    data: Store,
    ledger: Ledger,
    segments: Segments,
    plan: Plan,
    info: VideoInfo,
    options: OutputOptions,
    entry: BatchRecord,
    folder: Path,
) -> SegmentRecord:
    """Encode a batch's stored frames, by way of `folder`. Raises FrameCorrupt, EncodingFailed, DiskFull."""
    begun = time.perf_counter()
    target = folder / f"{entry.batch.index}.mkv"
    frames = painted_frames(data, ledger, plan, entry)
    encode_segment(frames, (plan.width, plan.height), info, options, target, plan.numeric.threads)
    return segments.commit(entry, target, time.perf_counter() - begun)


def reassemble(
    data: Store,
    control: Store,
    segments: Segments,
    records: Sequence[BatchRecord],
    plan: Plan,
    info: VideoInfo,
    mux: MuxPlan,
    options: OutputOptions,
    source: Path,
    sound: Path | None,
    folder: Path,
) -> OutputRecord:
    """Join the segments of these painted batches, mux, verify and upload; the record is written last.

    Raises LedgerUnbalanced unless each frame is there exactly once, FrameCorrupt for a segment not as it was encoded.
    """
    target, encoded = folder / f"output{options.suffix}", segments.balanced(records)
    with ThreadPoolExecutor(READ_THREADS) as pool:
        files = list(pool.map(lambda made: segments.fetch(made, folder), encoded))
    assemble(files, info, mux, source, sound, target)
    facts = verify_output(target, info, mux)
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        blob = data.write(output(plan.job.job_id, encoding_id(options), options.suffix), file)
    entry = OutputRecord(
        key=blob.key,
        size_bytes=blob.size_bytes,
        sha256=digest,
        codec=options.codec,
        frames=facts.frames,
        duration_s=facts.duration_s,
        worst_drift_s=facts.worst_drift_s,
        encode_s=sum(made.seconds for made in encoded),
        notes=mux.notes,
    )
    control.write(output_record(plan.job.job_id, encoding_id(options)), entry.model_dump_json().encode())
    return entry


def finished_output(data: Store, control: Store, job_id: str, options: OutputOptions) -> OutputRecord | None:
    """The record of an output that is made already and still there, or None."""
    try:
        entry = OutputRecord.model_validate_json(control.read(output_record(job_id, encoding_id(options))))
        return entry if data.stat(entry.key).size_bytes == entry.size_bytes else None
    except BlobNotFound:
        return None


def drop(data: Store, *prefixes: str) -> None:
    """Delete what a job whose output is verified no longer needs."""
    with ThreadPoolExecutor(READ_THREADS) as pool:
        for prefix in prefixes:
            for _ in prefetch(pool, data.delete, (blob.key for blob in data.list(prefix)), ahead=8 * READ_THREADS):
                pass
