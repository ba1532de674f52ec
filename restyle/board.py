"""What a run's page shows, as plain tables and Markdown: its batches, its workers, what it made."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from restyle.domain import FrameBatch
from restyle.progress import BatchEnded, Progress
from restyle.report import Report

MOST_ROWS = 500
"""A table is sent whole whenever it is renewed."""

Row = dict[str, str | int | float]


class WorkerSeen(NamedTuple):
    """A worker as the cluster's scheduler last told of it."""

    name: str
    state: str
    last_seen: datetime
    memory_bytes: int


def batch_rows(cut: Sequence[FrameBatch], ended: Mapping[int, BatchEnded]) -> list[Row]:
    """A row a batch, in frame order; of very many those that failed, were tried again, or took longest."""
    rows = [_batch_row(batch, ended.get(batch.index)) for batch in cut]
    if len(rows) <= MOST_ROWS:
        return rows
    telling = sorted(rows, key=lambda r: (r["state"] in ("failed", "crashed"), _tries(r), r["seconds"] or 0.0))
    return sorted(telling[-MOST_ROWS:], key=lambda row: row["batch"])


def batches_words(cut: Sequence[FrameBatch], ended: Mapping[int, BatchEnded]) -> str:
    """How far the batches of a run are, in a line."""
    failed = sum(1 for one in ended.values() if one.state in ("failed", "crashed"))
    return f"{len(ended) - failed} of {len(cut)} batches done" + (f", {failed} failed" if failed else "")


def _batch_row(batch: FrameBatch, ended: BatchEnded | None) -> Row:
    row: Row = {"batch": batch.index, "frames": f"{batch.start}-{batch.last}", "state": "to do"}
    row |= {"seconds": "", "frames a second": "", "attempts": "", "worker": "", "error": ""}
    if ended is None:
        return row
    if ended.seconds:
        row |= {"seconds": round(ended.seconds, 2), "frames a second": round(len(batch) / ended.seconds, 1)}
    said = {"state": ended.state, "attempts": ended.attempts or "", "worker": ended.worker, "error": ended.error}
    return row | said


def _tries(row: Row) -> int:
    tries = row["attempts"]
    return tries if isinstance(tries, int) else 0


def worker_rows(workers: Iterable[WorkerSeen], ended: Iterable[BatchEnded]) -> list[Row]:
    """A row a worker, with what it painted in this run; those that are gone stay."""
    painted = [one for one in ended if one.state == "painted"]
    rows = []
    for worker in workers:
        mine = [one for one in painted if one.worker == worker.name]
        seconds, frames = sum(one.seconds or 0.0 for one in mine), sum(len(one.batch) for one in mine)
        rows.append(
            Row(
                {
                    "worker": worker.name,
                    "state": worker.state,
                    "last seen": worker.last_seen.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
                    "batches": len(mine),
                    "frames": frames,
                    "frames a second": round(frames / seconds, 1) if seconds else "",
                    "memory, MB": worker.memory_bytes // 1_000_000,
                }
            )
        )
    return rows


def progress_words(progress: Progress) -> str:
    """How far a run is, in a line."""
    reused = f", {progress.reused} of them by an earlier run" if progress.reused else ""
    return f"{progress.done} of {progress.total} frames painted{reused}"


def result_markdown(title: str, report: Report, page: str | None, sheet: str | None, logs: str) -> str:
    """What a run made and where it lies. Addresses of the web become links, paths are shown."""
    painted = sum(batch.stop - batch.start for batch in report.batches if batch.status == "painted")
    facts = [
        ("output", _place("the video", report.output.path)),
        ("report", _place("report.html", page) if page else "none: see the run's log"),
        ("contact sheet", _place("contact-sheet.jpg", sheet) if sheet else "none: see the run's log"),
        ("logs", _place("one file a batch", logs)),
        ("frames", f"{report.frames_out} of {report.frames_in}; {painted} painted in this run"),
        ("time", f"{report.wall_s:.1f} s, {report.fps:.1f} frames a second"),
        ("size", f"{report.output.bytes / 1e6:.1f} MB of {plain(report.output.codec)}"),
    ]
    rows = "".join(f"| {name} | {told} |\n" for name, told in facts)
    return f"## {plain(title)}\n\n| | |\n|---|---|\n{rows}"


def plain(text: str) -> str:
    """Text of strangers that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|~>:-])", r"\\\1", html.escape(" ".join(text.split())))


def _place(name: str, address: str) -> str:
    if re.fullmatch(r"https?://[\w.:/%~+=@,-]+", address):
        return f"[{name}]({address})"
    return "`" + re.sub(r"[`|\s]", " ", address) + "`"
