"""Housekeeping: what jobs left in the stores, by age and by job, and the room that it takes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from restyle.layout import JOBS, LOGS, RUNS, WORK, is_job_id
from restyle.reassembly import drop
from restyle.storage import BlobInfo, Store

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Leavings:
    """What one job, or one run's log, has in the stores."""

    name: str
    prefixes: set[tuple[str, str]] = field(default_factory=set)
    """(store, prefix) of what would go; store is 'data' or 'control'"""
    size_bytes: int = 0
    blobs: int = 0
    newest: datetime = NEVER


def jobs(data: Store, control: Store, everything: bool) -> list[Leavings]:
    """What each job left: frames, painted images and segments; or everything, with its output, report and ledger."""
    found: dict[str, Leavings] = {}
    for store, name, prefix, goes in (
        (data, "data", WORK, True),
        (data, "data", RUNS, everything),
        (control, "control", JOBS, everything),
    ):
        for folder, blob in _by_folder(store, prefix):
            if not is_job_id(folder):
                continue
            job = found.setdefault(folder, Leavings(folder))
            _count(job, name, f"{prefix}{folder}/", blob, goes)
    return [job for job in found.values() if job.prefixes]


def logs(control: Store) -> list[Leavings]:
    """What runs logged, by the run's id."""
    found: dict[str, Leavings] = {}
    for folder, blob in _by_folder(control, LOGS):
        _count(found.setdefault(folder, Leavings(folder)), "control", f"{LOGS}{folder}/", blob, goes=True)
    return list(found.values())


def older(leavings: Iterable[Leavings], age: timedelta, now: datetime) -> list[Leavings]:
    """Those of which nothing was written for so long."""
    return [one for one in leavings if now - one.newest >= age]


def clean(data: Store, control: Store, leavings: Leavings) -> None:
    """Delete: of a job the ledger first, so that nothing is counted as painted that is half gone."""
    by_store: dict[str, list[str]] = defaultdict(list)
    for store, prefix in leavings.prefixes:
        by_store[store].append(prefix)
    drop(control, *by_store["control"])
    drop(data, *by_store["data"])


def _by_folder(store: Store, prefix: str) -> Iterator[tuple[str, BlobInfo]]:
    """Blobs below the folders of a prefix, each with its folder's name."""
    for blob in store.list(prefix):
        folder, separator, _ = blob.key.removeprefix(prefix).partition("/")
        if separator:
            yield folder, blob


def _count(leavings: Leavings, store: str, prefix: str, blob: BlobInfo, goes: bool) -> None:
    leavings.newest = max(leavings.newest, blob.modified)
    if goes:
        leavings.prefixes.add((store, prefix))
        leavings.size_bytes += blob.size_bytes
        leavings.blobs += 1
