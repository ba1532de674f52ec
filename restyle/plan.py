"""How a job is cut and painted: pure planning, and the plan that is written down once and then obeyed."""

from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise

from restyle.domain import FrameBatch, FrameRange, Frozen, NumericPath
from restyle.errors import BlobExists, BlobNotFound
from restyle.job import Job
from restyle.layout import job_file
from restyle.storage import Store


class Plan(Frozen):
    """What every run of a job obeys, so that a resumed job is bit-identical to an undisturbed one."""

    job: Job
    frame_count: int
    width: int
    height: int
    batch_size: int
    batch_reason: str = ""
    numeric: NumericPath
    numeric_reason: str = ""
    image_coder: str

    @cached_property
    def batches(self) -> tuple[FrameBatch, ...]:
        """The cut: frames 0..N-1, each in exactly one batch."""
        return cut_batches(self.frame_count, self.batch_size)

    def first_seen(self, batch: FrameBatch) -> int:
        """The first frame that painting a batch needs: its own, or that of its lead-in."""
        return max(0, batch.start - self.job.look.lead_in)

    def needs(self, span: FrameRange, missing: Iterable[FrameBatch]) -> bool:
        """Whether any of these batches is painted from frames of this range."""
        return any(self.first_seen(batch) < span.stop and span.start < batch.stop for batch in missing)


def cut_batches(frame_count: int, batch_size: int) -> tuple[FrameBatch, ...]:
    """Cut frames 0..frame_count-1 into runs of batch_size; the last may be shorter."""
    starts = range(0, frame_count, batch_size)
    return tuple(FrameBatch(index=i, start=s, stop=min(s + batch_size, frame_count)) for i, s in enumerate(starts))


def cut_ranges(batches: tuple[FrameBatch, ...], batches_per_range: int) -> tuple[FrameRange, ...]:
    """Group consecutive batches into the ranges whose frames are split and uploaded together."""
    cuts = [*range(0, len(batches), batches_per_range), len(batches)]
    groups = [batches[a:b] for a, b in pairwise(cuts)]
    return tuple(FrameRange(index=i, start=g[0].start, stop=g[-1].stop, batches=g) for i, g in enumerate(groups))


def fix_plan(control: Store, wished: Plan) -> Plan:
    """Write the plan down if the job has none yet; return the one that counts."""
    key = job_file(wished.job.job_id, "plan.json")
    try:
        control.create(key, wished.model_dump_json(indent=2).encode())
    except BlobExists:
        return read_plan(control, wished.job.job_id)
    return wished


def written_plan(control: Store, job_id: str) -> Plan | None:
    """The plan of a job that was begun before, or None."""
    try:
        return read_plan(control, job_id)
    except BlobNotFound:
        return None


def read_plan(control: Store, job_id: str) -> Plan:
    """The written plan of a job. Raises BlobNotFound where there is none."""
    return Plan.model_validate_json(control.read(job_file(job_id, "plan.json")))


def differences(wished: Plan, fixed: Plan) -> tuple[str, ...]:
    """Where the written plan overrides what this run would have chosen, in words for the log."""
    pairs = [
        ("--batch-size", wished.batch_size, fixed.batch_size),
        *((name, getattr(wished.numeric, name), value) for name, value in fixed.numeric),
    ]
    return tuple(f"{name}: the job's plan says {kept}, not {asked}" for name, asked, kept in pairs if asked != kept)
