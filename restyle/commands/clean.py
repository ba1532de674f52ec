"""`restyle clean`: frees the room that jobs take in the stores, by age or by name."""

import argparse
from datetime import UTC, datetime, timedelta

from restyle.cleaning import Leavings, clean, jobs, logs, older
from restyle.errors import BadSetting, UnknownJob, shortened
from restyle.presence import at_job
from restyle.settings import Settings
from tasks.stores import Stores, open_stores


def clean_up(options: argparse.Namespace) -> int:
    """Prints a line for all that goes, or with a dry run would go, and the sum."""
    if not options.jobs and options.older_than is None:
        raise BadSetting("nothing is named: give the jobs to clean, or --older-than DAYS; --dry-run only shows")
    stores = open_stores()
    gone = [job for job in _chosen(options, stores) if _clean_job(job, stores, options.dry_run)]
    if options.everything and not options.jobs:
        gone += _clean_logs(options, stores)
    freed = sum(one.size_bytes for one in gone)
    print(f"{freed / 1e6:.1f} MB {'would be' if options.dry_run else 'are'} freed")
    return 0


def _chosen(options: argparse.Namespace, stores: Stores) -> list[Leavings]:
    found = jobs(*stores, everything=options.everything)
    if options.jobs:
        known = {job.name for job in found}
        if unknown := [name for name in options.jobs if name not in known]:
            raise UnknownJob(f"{shortened(unknown, ', ')}: nothing of such a job is stored that could go")
        found = [job for job in found if job.name in options.jobs]
    return _of_age(found, options.older_than)


def _of_age(leavings: list[Leavings], days: float | None) -> list[Leavings]:
    return leavings if days is None else older(leavings, timedelta(days=days), datetime.now(UTC))


def _clean_job(job: Leavings, stores: Stores, dry: bool) -> bool:
    """Whether it goes: not what a run on this machine is at work on."""
    with at_job(Settings().home, job.name) as alone:
        if not alone():
            print(f"{_line(job)}\tstays: a run is at work on it")
            return False
        print(_line(job))
        if not dry:
            clean(*stores, job)
    return True


def _clean_logs(options: argparse.Namespace, stores: Stores) -> list[Leavings]:
    found = _of_age(logs(stores.control), options.older_than)
    print(f"logs of {len(found)} runs")
    for one in found if not options.dry_run else ():
        clean(*stores, one)
    return found


def _line(job: Leavings) -> str:
    return f"{job.name}\t{job.newest:%Y-%m-%d %H:%M}\t{job.blobs} blobs\t{job.size_bytes / 1e6:.1f} MB"
