"""report.html: a run's report for people, one file that asks for nothing outside itself."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, partial
from math import ceil
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from restyle import layout
from restyle.pairs import Samples
from restyle.report import BatchSection, Report

PAGES = Path(__file__).parent / "pages"
MOST_ROWS = 200
"""Batches in the table, and notes: a page of a long video stays small."""
MOST_BLOCKS = 1500
"""Of the timeline: more are narrower than a pixel."""
MOST_CHARACTERS = 300
"""Of a text from outside."""


class Bar(NamedTuple):
    """Seconds, and where they lie on a scale of 0 to 1000."""

    name: str
    seconds: float
    start: float
    width: float
    told: str = ""
    retried: bool = False


class Lane(NamedTuple):
    """What one worker painted in this run, over time."""

    worker: str
    frames: int
    blocks: tuple[Bar, ...]


STEPS_BESIDE = {
    "split": "the source decoded into images",
    "upload": "images to the store",
    "load": "waiting for images: download, decode",
    "model": "painting itself",
    "store": "waiting for painted images: encode, upload",
    "encode": "painted frames into segments of the video, and their upload",
}


def render(title: str, report: Report, samples: Samples | None) -> bytes:
    """The page in UTF-8, under 3 MB whatever the report: long lists are cut and say so."""
    style, script = (PAGES.joinpath(name).read_text() for name in ("report.css", "report.js"))
    painted = [batch for batch in report.batches if batch.status == "painted"]
    retried = [batch for batch in painted if batch.attempts > 1]
    page = _template().render(
        title=title,
        report=report,
        pairs=samples.pairs if samples else (),
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704  (ours)
        script=Markup(script),  # noqa: S704  (ours)
        here=partial(_relative, report.job_id),
        sheet=layout.contact_sheet_image(report.job_id),
        steps=bars(report.spent.steps),
        beside=bars(_beside(report, painted)),
        what=STEPS_BESIDE,
        lanes=lanes(painted),
        span_s=_span(painted),
        painted_frames=sum(batch.stop - batch.start for batch in painted),
        retried=retried[:MOST_ROWS],
        retries=len(retried),
        rows=table(report.batches),
        most_rows=MOST_ROWS,
    )
    return page.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"text": text, "clock": clock, "size": size, "seconds": seconds}
    return environment.get_template("report.html")


def bars(spent: dict[str, float]) -> list[Bar]:
    """Seconds as parts of their sum, one after another."""
    total = sum(spent.values()) or 1.0
    made: list[Bar] = []
    start = 0.0
    for name, took in spent.items():
        made.append(Bar(name, took, 1000 * start / total, 1000 * took / total))
        start += took
    return made


def _beside(report: Report, painted: Sequence[BatchSection]) -> dict[str, float]:
    """What went on beside each other while frames were painted, summed over workers."""
    return {
        "split": report.spent.split,
        "upload": report.spent.upload,
        "load": sum(batch.load_s for batch in painted),
        "model": sum(batch.model_s for batch in painted),
        "store": sum(batch.store_s for batch in painted),
        "encode": 0.0 if report.look.direct else report.encode_s,  # directly, it is part of storing
    }


def lanes(painted: Sequence[BatchSection]) -> list[Lane]:
    """A lane a worker; of very many batches, neighbours are drawn as one block."""
    if not painted:
        return []
    zero, span = min(batch.begun for batch in painted), _span(painted) or 1.0
    together = ceil(len(painted) / MOST_BLOCKS)
    by_worker: dict[str, list[BatchSection]] = {}
    for batch in sorted(painted, key=lambda batch: batch.finished):
        by_worker.setdefault(batch.worker, []).append(batch)
    return [
        Lane(
            worker,
            sum(batch.stop - batch.start for batch in mine),
            tuple(_block(mine[i : i + together], zero, span) for i in range(0, len(mine), together)),
        )
        for worker, mine in sorted(by_worker.items())
    ]


def _block(group: Sequence[BatchSection], zero: datetime, span: float) -> Bar:
    start = (group[0].begun - zero).total_seconds()
    took = (group[-1].finished - zero).total_seconds() - start
    frames = ", ".join(f"{b.start}-{b.stop - 1}" for b in group[:3]) + (", ..." if len(group) > 3 else "")
    tries = max(batch.attempts for batch in group)
    told = f"frames {frames}: {seconds(took)}" + (f", attempt {tries}" if tries > 1 else "")
    return Bar(f"batch {group[0].index}", took, 1000 * start / span, 1000 * took / span, told, tries > 1)


def _span(painted: Sequence[BatchSection]) -> float:
    """From the first batch's beginning to the last one's end, in seconds."""
    if not painted:
        return 0.0
    return (max(b.finished for b in painted) - min(b.begun for b in painted)).total_seconds()


def table(batches: Sequence[BatchSection]) -> list[BatchSection]:
    """All batches, or of very many those that were tried again or took longest."""
    telling = sorted(batches, key=lambda batch: (batch.attempts, batch.seconds), reverse=True)
    return sorted(telling[:MOST_ROWS], key=lambda batch: batch.index)


def _policy(style: str, script: str) -> str:
    """A content security policy under which nothing runs or loads but what is in the file."""
    digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script))
    styles, scripts = (f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; img-src data:; style-src {styles}; script-src {scripts}; "
        "base-uri 'none'; form-action 'none'"
    )


def _relative(job_id: str, key: str) -> str:
    """The way from the page to another blob of the job."""
    return key.removeprefix(layout.report_page(job_id).rpartition("/")[0] + "/")


def text(value: object) -> str:
    """Words from outside: of bounded length, and without what turns the words around them about."""
    words = "".join(c if c.isprintable() else "\ufffd" for c in str(value))
    return words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "\u2026"


def seconds(value: float) -> str:
    """A duration, short: 0.42 s, 7.1 s, 12 min 5 s, 3 h 20 min."""
    if value < 60:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def clock(value: float) -> str:
    """A place in a video: 1:02.50."""
    hundredths = round(value * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes}:{rest // 100:02d}.{rest % 100:02d}"


def size(value: int) -> str:
    """Bytes, short."""
    return (
        f"{value / 1e9:.2f} GB"
        if value >= 1e9
        else f"{value / 1e6:.1f} MB"
        if value >= 1e5
        else f"{value / 1e3:.1f} kB"
    )
