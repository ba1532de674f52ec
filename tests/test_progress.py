"""The progress of a run on a terminal."""

import io
import logging.config

from rich.console import Console

from restyle.commands import progress
from restyle.progress import Progress, announce, often, step


def test_a_bar_goes_on_when_logging_is_configured_meanwhile() -> None:
    screen = io.StringIO()
    bar = progress._Bar(Console(file=screen, force_terminal=True, width=100))
    log = logging.getLogger("restyle")
    log.addHandler(bar)
    log.setLevel(logging.INFO)
    try:
        step("looking at the video")
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})  # as Prefect does
        announce(Progress(done=30, total=150, reused=0))
    finally:
        log.removeHandler(bar)
        bar.end()
    assert "30/150 frames" in screen.getvalue()


def test_plain_lines_thin_out_what_comes_often_but_never_its_first() -> None:
    screen = io.StringIO()
    lines = progress._Lines(Console(file=screen, width=100))
    log = logging.getLogger("restyle")
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    try:
        step("timing a few steps")
        for number in (1, 2, 3):
            often(f"step {number} of 3")
    finally:
        log.removeHandler(lines)
    assert screen.getvalue().splitlines() == ["timing a few steps", "step 1 of 3"]
