"""`restyle quote`: what painting a whole video would take and cost, from a sample painted here and now."""

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from models.learning import DEFAULT_MINUTES
from models.runtime import choose_numeric_path
from models.styles import shipped
from restyle.commands.options import look_of, video_at, writable
from restyle.commands.progress import showing_progress
from restyle.media.options import OutputOptions
from restyle.media.probe import check_video
from restyle.prices import read_prices
from restyle.progress import step
from restyle.quote import Estimate, Quote
from restyle.quote import quote as quoted
from restyle.settings import Settings
from tasks.foretelling import spoken
from tasks.lessons import TRAINED_ENGINES, TrainingOrder, is_painting, prepare
from tasks.quoting import take_sample
from tasks.stores import open_stores
from tasks.styles import Chosen, choose, of_checkpoint, resolve_named
from tasks.training import find_trained


def quote(options: argparse.Namespace) -> int:
    """Paint the sample; prints a line per device of the price table. Nothing is written to the stores."""
    prices = read_prices(Settings())
    look, output = look_of(options, options.frames), OutputOptions(codec=options.codec, crf=options.crf).on_processor()
    if options.report:
        writable(Path(options.report), "quote.json", "--report")
    busy = os.getloadavg()[0]
    with showing_progress(), tempfile.TemporaryDirectory() as folder:
        chosen, training_s = _choose(options)
        source = video_at(options.video, Path(folder))
        check_video(source)
        step("painting a sample")
        from flows.cluster import WORKER_ENVIRONMENT

        os.environ.update(WORKER_ENVIRONMENT)  # as workers have it, from their start: hence the new process
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            sample = pool.submit(take_sample, source, chosen, look, output, training_s).result()
    made = quoted(sample, prices)
    if options.report:
        Path(options.report).write_text(made.model_dump_json(indent=2))
    print("\n".join(_lines(options.video, made)))
    if busy > made.sample.cores / 2:
        print(
            f"This machine is busy with other work (load {busy:.1f} on {made.sample.cores} cores): quote again later."
        )
    return 0


def _choose(options: argparse.Namespace) -> tuple[Chosen, float]:
    """What paints, and the seconds that a run would train before it can.

    A painting that was not learned yet is not learned for a quote: every style's network takes the same time.
    """
    if not is_painting(options.style) or options.engine not in TRAINED_ENGINES:
        return choose(options.style, options.model, options.engine), 0.0
    kept = find_trained(open_stores().control, prepare(TrainingOrder(painting=options.style)))
    if kept:
        return of_checkpoint(kept), 0.0
    return resolve_named(next(iter(shipped()))), 60 * DEFAULT_MINUTES[choose_numeric_path().device]


def _lines(video: str, made: Quote) -> list[str]:
    sample = made.sample
    rows = [("device", "time", "price", "speed"), *(_row(estimate) for estimate in made.estimates)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    training = [f"a style is trained first: {spoken(sample.training_s)} of each time"] * (sample.training_s > 0)
    return [
        f"{video}: {sample.frames} frames, painted at {sample.width}x{sample.height}",
        f"{sample.sampled} of them were painted here: {sample.paint_s:.3g} s each, "
        f"and {sample.around_s:.3g} s on one core for images and encoding",
        *training,
        "",
        *("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows),
        "",
        f"Prices, and speeds that are estimates, are those of {made.prices}: check them there.",
    ]


def _row(estimate: Estimate) -> tuple[str, str, str, str]:
    price = "not priced" if estimate.price is None else f"{estimate.price:.2f} {estimate.currency}"
    times = f"{estimate.speed:.0f}" if estimate.speed >= 10 else f"{estimate.speed:.2g}"
    speed = f"{times} x this machine, {'measured' if estimate.measured else 'an estimate'}"
    return estimate.device, spoken(estimate.seconds), price, speed
