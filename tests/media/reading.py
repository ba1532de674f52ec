"""An independent reading of clips by the ffmpeg binary, another build of libav than restyle decodes with."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.media.recipes import FFMPEG


def _run(*args: str | Path) -> bytes:
    command = [FFMPEG, "-hide_banner", "-nostdin", "-v", "fatal", *map(str, args)]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def frame_times(path: Path) -> list[float]:
    """The time in seconds of every frame ffmpeg decodes."""
    said = _run(
        "-copyts", "-noautorotate", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "demux",
        "-f", "framecrc", "-",
    ).decode()  # fmt: skip
    time_base = next(Fraction(line.split()[2]) for line in said.splitlines() if line.startswith("#tb 0:"))
    return [float(int(line.split(",")[2]) * time_base) for line in said.splitlines() if not line.startswith("#")]


def frames_rgb(path: Path, width: int, height: int, filters: str) -> NDArray[np.uint8]:
    """Every frame upright as ffmpeg converts it: (N, height, width, 3)."""
    raw = _run(
        "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", filters, "-pix_fmt", "rgb24",
        "-f", "rawvideo", "-",
    )  # fmt: skip
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
