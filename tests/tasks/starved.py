"""Paint with a shipped style in a process with too little memory: `python -m tests.tasks.starved`.

Prints the mini-batches that were tried, then what is said where not even one frame fits.
"""

import resource
import sys
from pathlib import Path

from models.inference import load_painter
from models.styles import shipped
from restyle.domain import NumericPath
from restyle.errors import OutOfMemory
from tasks.fitting import noise_frames, within_memory

ROOM_BYTES = 112 << 20
SIZE, LARGE = (320, 180), (1280, 720)


def main() -> None:
    """Warm up, bound the address space, paint."""
    path = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=8)
    paint = load_painter(shipped()["wave"].path.read_bytes(), path)
    paint(noise_frames(1, 64, 64))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, resource.RLIM_INFINITY))
    tried = []

    def attempt(mini_batch: int, size: tuple[int, int]) -> None:
        tried.append(mini_batch)
        paint(noise_frames(mini_batch, *size))

    within_memory(path.mini_batch, lambda mini_batch: attempt(mini_batch, SIZE), paint.begin, SIZE)
    sys.stdout.write(f"{' '.join(map(str, tried))}\n")
    try:
        within_memory(1, lambda mini_batch: attempt(mini_batch, LARGE), paint.begin, LARGE)
    except OutOfMemory as error:
        sys.stdout.write(str(error))


if __name__ == "__main__":
    main()
