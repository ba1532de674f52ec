"""The progress of a run on a terminal."""

import io
import logging.config

from rich.console import Console

from restyle.commands import progress
from restyle.progress import Progress, announce, step


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
