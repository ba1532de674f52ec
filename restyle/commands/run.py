"""`restyle run`: check what can be checked at once, conduct the flow, deliver the output."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from restyle.commands.options import look_of, writable
from restyle.commands.progress import showing_progress
from restyle.errors import BadSetting, BlobNotFound, UnsupportedMedia, UnsupportedOutput
from restyle.importing import uncollected
from restyle.layout import contact_sheet_image
from restyle.media.options import OutputOptions
from restyle.media.probe import check_video
from restyle.mix import file_words
from restyle.report import Report
from restyle.settings import Settings
from tasks.stores import open_stores

QUIET = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "DASK_LOGGING__DISTRIBUTED": "critical",
}
"""Keeps the orchestrators' logs off the terminal; the dashboard has them all the same."""


def run(options: argparse.Namespace) -> int:
    """Paint a video; prints what was made, last the output's absolute path."""
    target = _target(options)
    if options.report:
        writable(Path(options.report), "report.json", "--report")
    if options.keep_frames and options.frames == "none":
        raise BadSetting("--keep-frames: with --frames none there are none to keep; leave out one of them")
    output = OutputOptions(codec=options.codec, crf=options.crf, suffix=target.suffix)
    if not options.verbose:
        os.environ.update(QUIET)
    from flows.server import prefect_api, require_within_reach
    from flows.spending import budget_for

    if budget := budget_for(options.budget):
        print(f"restyle: {budget}", file=sys.stderr)
    require_within_reach(options.cluster)
    with showing_progress(options.verbose):
        with prefect_api(Settings().home / "prefect") as api:  # it starts, and with it all that takes time to import
            report = _conduct(options, output, api.await_ready)
        data = open_stores().data
        data.download(report.output.key, target)
    if options.report:
        Path(options.report).write_text(report.model_dump_json(indent=2))
    for note in report.video.notes:
        print(f"note: {note}")
    if report.video.damaged:
        print(
            f"note: {report.video.damaged} packets are damaged; the {report.frames_in} frames that decode are painted"
        )
    print(_outcome(report))
    print(f"contact sheet: {data.url(contact_sheet_image(report.job_id))}")
    print(target)
    return 0


def _conduct(options: argparse.Namespace, output: OutputOptions, await_server: Callable[[], None]) -> Report:
    _check_inputs(options)
    with uncollected():
        from flows.cluster import choose_cluster, starting
        from flows.request import Request
        from flows.stylize_video import stylize_request

    choice = choose_cluster(options.cluster, options.workers)
    request = Request(
        video=options.video if options.video.startswith("data:") else str(Path(options.video).absolute()),
        style=options.style,
        model=options.model,
        engine=options.engine,
        train_minutes=options.train_minutes,
        look=look_of(options, options.frames),
        batch_size=options.batch_size,
        output=output,
        keep_frames=options.keep_frames,
        threads=choice.threads,
        workers=choice.workers,
        hosts=choice.hosts,
        budget=options.budget,
    )
    with starting(choice) as runner:
        await_server()
        return stylize_request.with_options(task_runner=runner)(request)


def _outcome(report: Report) -> str:
    took = f"{report.frames_out} frames in {report.wall_s:.1f} s"
    return f"{took}, {report.fps:.1f} frames a second" if report.fps else f"{took}; all were painted before"


def _target(options: argparse.Namespace) -> Path:
    """Where the output goes. Raises UnsupportedOutput for a place that cannot be written."""
    name = Path(options.video.removeprefix("data:"))
    words = file_words(options.style or options.model)
    target = writable(Path(options.output or f"{name.stem}-{words}.mp4"), "output.mp4")
    if target.exists() and name.exists() and target.samefile(name):
        raise UnsupportedOutput(f"{target} is the video itself, and would be lost; choose another place with -o")
    return target


def _check_inputs(options: argparse.Namespace) -> None:
    """Raises what is wrong with the video or the style, before workers are started."""
    with uncollected():
        from tasks.lessons import TRAINED_ENGINES, TrainingOrder, is_painting, prepare
        from tasks.styles import choose

    if is_painting(options.style) and options.engine in TRAINED_ENGINES:
        prepare(TrainingOrder(painting=options.style))
    elif options.train_minutes is not None:
        raise BadSetting(f"--train-minutes {options.train_minutes:g}: nothing is trained here; leave the option out")
    else:
        choose(options.style, options.model, options.engine)
    if not options.video.startswith("data:"):
        check_video(Path(options.video))
        return
    try:
        open_stores().data.stat(options.video.removeprefix("data:"))
    except BlobNotFound as error:
        raise UnsupportedMedia(f"{options.video}: the data store has no such blob; check the key") from error
