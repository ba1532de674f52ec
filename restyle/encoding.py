"""Encoded segments: one per batch and encoding, in the data store, each with a record of what it holds."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import Field, ValidationError

from restyle.domain import FrameBatch, Frozen
from restyle.errors import BlobNotFound, FrameCorrupt, LedgerUnbalanced, shortened
from restyle.layout import segment, segment_record, segments
from restyle.ledger import BatchRecord
from restyle.media.options import OutputOptions, encoding_id
from restyle.plan import Plan
from restyle.storage import Store

READ_THREADS = 8


class SegmentRecord(Frozen):
    """A batch that is encoded and stored; written after the segment itself."""

    batch: FrameBatch
    size_bytes: int
    sha256: str
    painted_sha256: str = Field(description="over the hashes of its painted frames: others make another segment")
    seconds: float = Field(description="encoding and upload")


def painted_sha256(entry: BatchRecord) -> str:
    """One hash over those of a batch's painted frames."""
    return hashlib.sha256("".join(frame.sha256 for frame in entry.frames).encode()).hexdigest()


class Segments:
    """The segments of one job in one encoding."""

    def __init__(self, control: Store, data: Store, plan: Plan, options: OutputOptions) -> None:
        self._control, self._data = control, data
        self._plan, self._job_id, self._encoding = plan, plan.job.job_id, encoding_id(options)

    def commit(self, entry: BatchRecord, file: Path, seconds: float) -> SegmentRecord:
        """Upload the segment of a painted batch, then write its record."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            content.seek(0)
            blob = self._data.write(self._key(entry.batch), content)
        made = SegmentRecord(
            batch=entry.batch,
            size_bytes=blob.size_bytes,
            sha256=digest,
            painted_sha256=painted_sha256(entry),
            seconds=seconds,
        )
        self._control.write(self._record_key(entry.batch), made.model_dump_json().encode())
        return made

    def find(self, entry: BatchRecord) -> SegmentRecord | None:
        """The record of the segment that holds just these painted frames and is in the store, or None."""
        try:
            made = SegmentRecord.model_validate_json(self._control.read(self._record_key(entry.batch)))
            stored = self._data.stat(self._key(entry.batch)).size_bytes
        except (BlobNotFound, ValidationError):
            return None
        return made if (made.painted_sha256, made.size_bytes) == (painted_sha256(entry), stored) else None

    def balanced(self, records: Sequence[BatchRecord]) -> list[SegmentRecord]:
        """The segments of these painted batches, in order. Raises LedgerUnbalanced unless they hold each frame once."""
        with ThreadPoolExecutor(READ_THREADS) as pool:
            found = dict(zip((entry.batch for entry in records), pool.map(self.find, records), strict=True))
        missing = [batch for batch in self._plan.batches if found.get(batch) is None]
        if missing:
            spans = shortened([f"{b.start}-{b.last}" for b in missing], ", ")
            raise LedgerUnbalanced(
                f"job {self._job_id}: frames {spans} are not all painted and encoded; run the same command again"
            )
        return [made for batch in self._plan.batches if (made := found[batch])]

    def fetch(self, made: SegmentRecord, folder: Path) -> Path:
        """A local copy of a segment, checked. Raises FrameCorrupt, and takes its record back, where it is not whole."""
        key = self._key(made.batch)
        target = folder / Path(key).name
        try:
            self._data.download(key, target)
            with target.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == made.sha256:
                    return target
        except BlobNotFound:
            pass
        self._control.delete(self._record_key(made.batch))
        raise FrameCorrupt(f"{key}: not the segment that was encoded; run the job again to encode its batch anew")

    @property
    def prefix(self) -> str:
        """Where the segments are in the data store."""
        return segments(self._job_id, self._encoding)

    def _key(self, batch: FrameBatch) -> str:
        return segment(self._job_id, self._encoding, batch.index)

    def _record_key(self, batch: FrameBatch) -> str:
        return segment_record(self._job_id, self._encoding, batch.index)
