"""A model of a user's own that misbehaves as a file says, to see what that does to the run.

The clip's frames are grey, each of its own level, so that the model knows which one it sees; after LEVELS of them they
begin anew. The file that FAULTS names holds {"kill": [frames], "kill_once": [frames], "fail": [frames], "sleep_s":
seconds a frame, "hold": whether to wait until it says otherwise, "note": whether to note each frame that is begun}.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.media.recipes import ffmpeg

LUMA_STEP = 5
"""Between one frame and the next, from 16 on: more than a codec changes."""
GREY_STEP = LUMA_STEP * 255 / 219
LEVELS = 44


def paint(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn grey upside down, unless told otherwise; noise, on which models are tried, is no frame."""
    shown = {round(float(frame.mean()) / GREY_STEP) for frame in frames if np.ptp(frame) < GREY_STEP}
    while (faults := json.loads(Path(os.environ["FAULTS"]).read_text())).get("hold") and shown:
        time.sleep(0.1)
    if faults.get("note"):
        with Path(os.environ["FAULTS"]).with_name("begun").open("a") as notes:
            notes.write("".join(f"{number}\n" for number in shown))
    time.sleep(len(shown) * faults.get("sleep_s", 0))
    if shown & set(faults.get("fail", ())):
        raise ValueError("told to fail")
    once = [number for number in shown & set(faults.get("kill_once", ())) if _first_time(number)]
    if once or shown & set(faults.get("kill", ())):
        os.kill(os.getpid(), signal.SIGKILL)
    return np.asarray(255 - frames, np.uint8)


def _first_time(number: int) -> bool:
    try:
        Path(os.environ["FAULTS"]).with_name(f"killed-{number}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def misbehave(path: Path, **faults: Any) -> None:  # as JSON has them
    """Say what the model is to do from now on."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(faults))
    aside.replace(path)


def grey_clip(target: Path, frames: int) -> Path:
    """A clip of 96x64 pixels whose frames the model knows."""
    picture = (
        f"color=black:size=96x64:rate=20:duration={frames / 20},geq=lum='16+{LUMA_STEP}*mod(N,{LEVELS})':cb=128:cr=128"
    )
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-crf", "5", target)
    return target
