"""What a run leaves for people when it ends well: report.json, report.html, the contact sheet, and where they are."""

import logging
from collections.abc import Sequence

from pydantic import ValidationError

from flows.artifacts import quietly, show_picture, show_text
from flows.showing import Showing
from restyle import layout
from restyle.board import result_markdown
from restyle.contact_sheet import contact_sheet, in_small
from restyle.domain import VideoInfo
from restyle.errors import BlobNotFound, FrameCorrupt
from restyle.ledger import BatchRecord
from restyle.pairs import Samples, take_samples
from restyle.plan import Plan
from restyle.reassembly import OutputRecord
from restyle.report import Report, make_report
from restyle.report_page import render
from restyle.storage import Store

MOST_BYTES = 1 << 24
"""Of what an earlier run kept for the page; others may write where it lies."""

log = logging.getLogger(__name__)


def write_report(
    show: Showing,
    data: Store,
    plan: Plan,
    info: VideoInfo,
    made: OutputRecord,
    records: Sequence[BatchRecord],
    reused: frozenset[int],
) -> Report:
    """Write the report of a run that made its output, and show it on the page of the run."""
    job_id = plan.job.job_id
    samples = _samples(data, plan, info)
    sheet = _sheet(data, plan)
    restlessness = samples.restlessness if samples else None
    report = make_report(data, plan, info, made, records, reused, show.wall_s, show.run_id, show.spent(), restlessness)
    data.write(layout.report_file(job_id), report.model_dump_json(indent=2).encode())
    data.write(layout.report_page(job_id), render(show.title, report, samples))
    if sheet:
        quietly(_show_sheet, sheet)
    page, picture = data.url(layout.report_page(job_id)), data.url(layout.contact_sheet_image(job_id))
    told = result_markdown(show.title, report, page, picture if sheet else None, show.log_place)
    quietly(show_text, "result", told, "Where the video, its report and the logs are")
    return report


def _show_sheet(sheet: bytes) -> None:
    show_picture("contact-sheet", in_small(sheet), "Source above, painted below")


def _samples(data: Store, plan: Plan, info: VideoInfo) -> Samples | None:
    """Taken from the frames, or, where they are gone, those that the run which painted them kept."""
    key = layout.samples_file(plan.job.job_id)
    try:
        samples = take_samples(data, plan, info)
    except (BlobNotFound, FrameCorrupt) as error:
        try:
            return Samples.model_validate_json(data.read(key, size=MOST_BYTES))
        except (BlobNotFound, ValidationError):
            log.warning("no frames in the report: %s", error)
            return None
    data.write(key, samples.model_dump_json().encode())
    return samples


def _sheet(data: Store, plan: Plan) -> bytes | None:
    """The contact sheet, likewise; a frame of it that is gone by now is no reason to fail."""
    key = layout.contact_sheet_image(plan.job.job_id)
    try:
        sheet = contact_sheet(data, plan)
    except (BlobNotFound, FrameCorrupt) as error:
        try:
            return data.read(key, size=MOST_BYTES)
        except BlobNotFound:
            log.warning("no contact sheet: %s", error)
            return None
    data.write(key, sheet)
    return sheet
