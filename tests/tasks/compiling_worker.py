"""Time a frame as a worker does, then paint, eagerly and compiled: `python -m tests.tasks.compiling_worker FRAMES`.

Prints, a line each: whether the worker compiles and why, hashes of what both ways paint (or why not), and how far apart
they are, in decibels.
"""

import hashlib
import sys

import numpy as np

from models.runtime import choose_numeric_path
from restyle.errors import PlanMismatch
from restyle.job import Look
from tasks.fitting import noise_frames
from tasks.inputs import upload_files
from tasks.painters import painter
from tasks.stores import open_stores
from tasks.styles import resolve_named
from tasks.timing import time_frame

WIDTH, HEIGHT = 72, 40


def main() -> None:
    """Do it in the shipped wave's light network, on one thread."""
    style, numeric = resolve_named("wave", "fast"), choose_numeric_path(1)
    upload_files(open_stores().control, style)
    timed = time_frame.fn(style.ref, numeric, Look(), WIDTH, HEIGHT, int(sys.argv[1]))
    sys.stdout.write(f"{timed.numeric.compiled}\n{timed.reason}\n")
    frames = noise_frames(2, WIDTH, HEIGHT)
    eager = painter(style.ref, numeric, Look())(frames)
    sys.stdout.write(f"{hashlib.sha256(eager.data).hexdigest()}\n")
    try:
        compiled = painter(style.ref, numeric.model_copy(update={"compiled": True}), Look())(frames)
    except PlanMismatch as error:
        sys.stdout.write(f"{error}\n")
        return
    apart = np.square(eager.astype(float) - compiled).mean()
    sys.stdout.write(f"{hashlib.sha256(compiled.data).hexdigest()}\n{10 * np.log10(255**2 / max(apart, 1e-9))}\n")


if __name__ == "__main__":
    main()
