"""rehearse-mux: the sound and subtitles meet the wished container before any frame is painted."""

from pathlib import Path

from prefect import task

from restyle.domain import VideoInfo
from restyle.media.mux import MuxPlan, rehearse_mux
from restyle.media.options import OutputOptions
from tasks.retrying import RETRYING


@task(name="rehearse-mux", task_run_name="rehearse-mux", **RETRYING)
def rehearse(source: Path, info: VideoInfo, options: OutputOptions, size: tuple[int, int]) -> MuxPlan:
    """What becomes of each track. Raises UnsupportedOutput where the container cannot be made."""
    return rehearse_mux(source, info, options, size)
