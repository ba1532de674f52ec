"""The ledger: one record per painted batch, written last; a batch whose record and frames are there is done."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from pydantic import Field, ValidationError

from restyle.domain import FrameBatch, Frozen, NumericPath
from restyle.errors import BlobNotFound
from restyle.layout import image_name, record, styled
from restyle.plan import Plan
from restyle.storage import Store

READ_THREADS = 8


class FrameRecord(Frozen):
    """One painted frame's image: its size in bytes and hash, and the hash of the source image it was painted from."""

    size_bytes: int
    sha256: str
    source_sha256: str


class Timings(Frozen):
    """Where a batch's time went, in seconds: waits of the painting loop, and the forward passes themselves."""

    total_s: float
    model_s: float
    load_s: float = Field(description="waiting for source images to arrive and decode")
    store_s: float = Field(description="waiting for painted images to encode and upload")


class BatchRecord(Frozen):
    """A batch that is painted and stored."""

    batch: FrameBatch
    frames: tuple[FrameRecord, ...]
    numeric: NumericPath
    timings: Timings
    attempts: int
    worker: str
    finished: datetime


class Ledger:
    """The records of one job, in the control store; the frames they speak of are in the data store."""

    def __init__(self, control: Store, data: Store, plan: Plan) -> None:
        self._control = control
        self._data = data
        self._plan = plan
        self._job_id = plan.job.job_id

    def commit(self, entry: BatchRecord) -> None:
        """Write a batch's record: the last act of painting it."""
        self._control.write(record(self._job_id, entry.batch.index), entry.model_dump_json().encode())

    def read(self, batch: FrameBatch) -> BatchRecord | None:
        """The record of a batch; None where there is none, or one of other frames, or that this version cannot read."""
        try:
            entry = BatchRecord.model_validate_json(self._control.read(record(self._job_id, batch.index)))
        except (BlobNotFound, ValidationError):
            return None
        return entry if entry.batch == batch and len(entry.frames) == len(batch) else None

    def find(self, batch: FrameBatch) -> BatchRecord | None:
        """The record of a batch whose frames are all in the store, or None; asks for each frame's size.

        Of one that was painted directly the record is all there is: whether its segment is there, others know.
        """
        entry = self.read(batch)
        if entry is None or self._plan.job.look.direct:
            return entry
        with ThreadPoolExecutor(READ_THREADS) as pool:
            sizes = dict(pool.map(self._size, self.styled_keys(batch)))
        return entry if self.holds(entry, sizes) else None

    def _size(self, key: str) -> tuple[str, int]:
        try:
            return key, self._data.stat(key).size_bytes
        except BlobNotFound:
            return key, -1

    def strike(self, entries: Iterable[BatchRecord]) -> None:
        """Take records back, so that their batches are painted again."""
        for entry in entries:
            self._control.delete(record(self._job_id, entry.batch.index))

    def stored_sizes(self) -> Mapping[str, int]:
        """Size in bytes of every painted image in the store, by key; one listing for the whole job."""
        return {blob.key: blob.size_bytes for blob in self._data.list(styled(self._job_id))}

    def recorded(self) -> list[BatchRecord]:
        """The records of this plan's batches, in frame order, whether or not their frames are still stored."""
        with ThreadPoolExecutor(READ_THREADS) as pool:
            entries = list(pool.map(self.read, self._plan.batches))
        return [entry for entry in entries if entry is not None]

    def trusted(self, sizes: Mapping[str, int]) -> dict[int, BatchRecord]:
        """Records of this plan whose every frame is in `sizes` with the recorded size, by batch index."""
        return {entry.batch.index: entry for entry in self.recorded() if self.holds(entry, sizes)}

    def holds(self, entry: BatchRecord, sizes: Mapping[str, int]) -> bool:
        """Whether the stored frames, if there are to be any, are those of the record, by name and size."""
        if self._plan.job.look.direct:
            return True
        keys = self.styled_keys(entry.batch)
        return all(sizes.get(key) == frame.size_bytes for key, frame in zip(keys, entry.frames, strict=True))

    def styled_keys(self, batch: FrameBatch) -> list[str]:
        """The data-store keys of a batch's painted images, in frame order."""
        image = self._plan.job.look.image
        return [styled(self._job_id) + image_name(i, image) for i in range(batch.start, batch.stop)]
