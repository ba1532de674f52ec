"""The ledger as proof: everything that a job stored, read again and held against what was recorded of it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from restyle.domain import FrameBatch
from restyle.encoding import SegmentRecord
from restyle.errors import BlobNotFound, UnknownJob, shortened
from restyle.job import VideoSource
from restyle.layout import (
    WORK,
    audio,
    audio_record,
    encodings,
    frames,
    image_name,
    output_records,
    record,
    segment,
    styled,
)
from restyle.ledger import BatchRecord, Ledger
from restyle.plan import Plan, written_plan
from restyle.prefetch import prefetch
from restyle.reassembly import OutputRecord
from restyle.storage import Store

READ_THREADS = 8
PIECE_BYTES = 8 << 20

T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """Something stored that is not what was recorded."""

    what: str
    """in words, with the key"""
    records: tuple[str, ...] = ()
    """control-store keys of the records that no longer hold"""
    blobs: tuple[str, ...] = ()
    """data-store keys of what is damaged"""

    @property
    def mendable(self) -> bool:
        """Whether a run can make it anew, from the source; of a source that was changed it cannot."""
        return bool(self.records or self.blobs)


@dataclass
class Proof:
    """What was found of one job: lines for people, and what is wrong."""

    plan: Plan
    lines: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class _Expected:
    """A blob and the hash that was recorded of it."""

    key: str
    sha256: str
    if_not: Fault


def prove(data: Store, control: Store, job_id: str) -> Proof:
    """Read again what a job stored: source, sound, every image, segment and output, each against its recorded hash.

    What a run drops once its output is verified may be missing, all of it or none. Raises UnknownJob.
    """
    plan = written_plan(control, job_id)
    if plan is None:
        raise UnknownJob(f"{job_id}: the control store knows no such job; a run's report.json has its job_id")
    proof = Proof(plan)
    stored = {blob.key for blob in data.list(f"{WORK}{job_id}/")}
    entries = Ledger(control, data, plan).recorded()
    outputs = dict(_records(control, output_records(job_id), OutputRecord.model_validate_json))
    _prove_source(proof, data, plan.job.video)
    _prove_sound(proof, data, control)
    _prove_ledger(proof, entries, outputs)
    if not plan.job.look.direct:
        _prove_images(proof, data, entries, stored, outputs)
    _prove_segments(proof, data, control, stored, finished=bool(outputs))
    _prove_outputs(proof, data, outputs)
    return proof


def mend(data: Store, control: Store, faults: Iterable[Fault]) -> None:
    """Take back the records of what is damaged, then what is damaged: the next run of the job makes just that anew."""
    for fault in faults:
        for key in fault.records:
            control.delete(key)
        for key in fault.blobs:
            data.delete(key)


def _prove_source(proof: Proof, data: Store, video: VideoSource) -> None:
    kind, _, expected = video.identity.partition(":")
    try:
        found = data.stat(video.key).etag if kind == "etag" else sha256_of(data, video.key)
    except BlobNotFound:
        proof.lines.append(f"source: {video.key} is no longer stored")
        return
    if found == expected:
        proof.lines.append(f"source: {video.key}, {video.size_bytes} bytes, as recorded")
    else:
        proof.faults.append(Fault(f"{video.key}: not the video that was painted; a run of it now is another job"))


def _prove_sound(proof: Proof, data: Store, control: Store) -> None:
    key, record_key = audio(proof.plan.job.job_id), audio_record(proof.plan.job.job_id)
    with suppress(BlobNotFound):  # a silent video has none
        fault = Fault(f"{key}: not the sound that was extracted", (record_key,), (key,))
        _prove_hashes(proof, data, "sound", [_Expected(key, control.read(record_key).decode(), fault)])


def _prove_ledger(proof: Proof, entries: list[BatchRecord], outputs: Mapping[str, OutputRecord]) -> None:
    plan, count = proof.plan, sum(len(entry.batch) for entry in entries)
    proof.lines.append(
        f"ledger: {len(entries)} of {len(plan.batches)} batches, {count} of {plan.frame_count} frames, each once"
    )
    if outputs and count < plan.frame_count:
        missing = sorted({*plan.batches} - {entry.batch for entry in entries}, key=lambda batch: batch.index)
        named = shortened([_named(batch) for batch in missing], "; ")
        proof.faults.append(Fault(f"{record(plan.job.job_id, missing[0].index)}: no record of {named}", (*outputs,)))


def _prove_images(
    proof: Proof, data: Store, entries: list[BatchRecord], stored: set[str], outputs: Mapping[str, OutputRecord]
) -> None:
    """Source images may go at any time once they are painted; painted ones go all together, after an output."""
    job_id, image = proof.plan.job.job_id, proof.plan.job.look.image
    dropped = bool(outputs) and not any(key.startswith(styled(job_id)) for key in stored)
    sources: list[_Expected] = []
    painted: list[_Expected] = []
    for entry in entries:
        back = (record(job_id, entry.batch.index), *outputs)
        for number, frame in zip(range(entry.batch.start, entry.batch.stop), entry.frames, strict=True):
            for found, prefix, sha256 in (
                (sources, frames(job_id), frame.source_sha256),
                (painted, styled(job_id), frame.sha256),
            ):
                key = prefix + image_name(number, image)
                if key in stored or (found is painted and not dropped):
                    what = f"{key}: not the bytes that were recorded ({_named(entry.batch)})"
                    found.append(_Expected(key, sha256, Fault(what, back, (key,))))
    _prove_hashes(proof, data, "source frames", sources)
    _prove_hashes(proof, data, "painted frames", painted)


def _prove_segments(proof: Proof, data: Store, control: Store, stored: set[str], finished: bool) -> None:
    job_id = proof.plan.job.job_id
    expected = []
    for key, made in _records(control, encodings(job_id), SegmentRecord.model_validate_json):
        blob = segment(job_id, key.split("/")[-2], made.batch.index)
        if blob in stored or not finished:
            what = f"{blob}: not the segment that was encoded ({_named(made.batch)})"
            expected.append(_Expected(blob, made.sha256, Fault(what, (key,), (blob,))))
    _prove_hashes(proof, data, "segments", expected)


def _prove_outputs(proof: Proof, data: Store, outputs: Mapping[str, OutputRecord]) -> None:
    expected = []
    for key, made in outputs.items():
        what = f"{made.key}: not the video that was verified"
        expected.append(_Expected(made.key, made.sha256, Fault(what, (key,), (made.key,))))
        if made.frames != proof.plan.frame_count:
            what = f"{key}: an output of {made.frames} frames, the job has {proof.plan.frame_count}"
            proof.faults.append(Fault(what, (key,)))
    _prove_hashes(proof, data, "outputs", expected)


def _prove_hashes(proof: Proof, data: Store, what: str, expected: list[_Expected]) -> None:
    with ThreadPoolExecutor(READ_THREADS) as pool:
        right = list(prefetch(pool, lambda one: _is_right(data, one), expected, ahead=2 * READ_THREADS))
    proof.faults += [one.if_not for one, held in zip(expected, right, strict=True) if not held]
    proof.lines.append(f"{what}: {sum(right)} of {len(right)} as recorded" if right else f"{what}: none stored")


def _is_right(data: Store, expected: _Expected) -> bool:
    try:
        return sha256_of(data, expected.key) == expected.sha256
    except BlobNotFound:
        return False


def sha256_of(store: Store, key: str) -> str:
    """The hash of a blob, read in pieces. Raises BlobNotFound."""
    digest, place = hashlib.sha256(), 0
    while piece := store.read(key, place, PIECE_BYTES):
        digest.update(piece)
        place += len(piece)
    return digest.hexdigest()


def _records(control: Store, prefix: str, parse: Callable[[bytes], T]) -> Iterator[tuple[str, T]]:
    """Records under a prefix that this version can read."""
    for blob in control.list(prefix):
        try:
            yield blob.key, parse(control.read(blob.key))
        except (BlobNotFound, ValidationError):
            continue


def _named(batch: FrameBatch) -> str:
    return f"batch {batch.index}, frames {batch.start}-{batch.last}"
