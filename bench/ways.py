"""Ways to paint a frame, each in a process of its own which paints one whenever it reads a line.

`python -m bench.ways WAY WIDTH HEIGHT THREADS` answers each line with the seconds that a frame took, and `ready` first.
"""

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch

from models.checkpoint import read_network
from models.inference import Painter, load_painter
from models.runtime import DTYPES, choose_numeric_path
from models.staging import Frames
from models.styles import ShippedStyle, shipped, shipped_fast
from tests.models.public_network import PublicNet

STYLE = "starry_night"
MULTIPLY_ADDS = 133_312
"""Of the network, for each pixel; of its upsampled layers, as many as they take (UpsampledConv)."""

Paint = Callable[[Frames], object]


def usual(threads: int) -> Paint:
    """As the public example has it: float32, channels first, instance norm, frame by frame."""
    torch.set_num_threads(threads)
    network = PublicNet().eval()
    network.load_state_dict(read_network(shipped()[STYLE].path.read_bytes()).state_dict())

    def paint(frames: Frames) -> object:
        with torch.no_grad():
            source = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
            return network(source).clamp(0, 255)[0].numpy().transpose(1, 2, 0).astype("uint8")

    return paint


def ours(threads: int, styles: Callable[[], Mapping[str, ShippedStyle]] = shipped, compiled: bool = False) -> Painter:
    """As a run paints here; a long clip's network may be compiled."""
    path = choose_numeric_path(threads).model_copy(update={"compiled": compiled})
    return load_painter(styles()[STYLE].path.read_bytes(), path)


def product(threads: int) -> Paint:
    """No painting, but the processor's own matrix product, of as many multiply-adds and in our precision."""
    torch.set_num_threads(threads)
    side = 2048
    dtype = DTYPES[choose_numeric_path(threads).precision]
    left, right = torch.rand(side, side).to(dtype), torch.rand(side, side).to(dtype)

    def multiply(frames: Frames) -> object:
        rows = round(frames.shape[1] * frames.shape[2] * MULTIPLY_ADDS / side**2)
        for _ in range(rows // side):
            left @ right
        return left[: rows % side] @ right

    return multiply


WAYS: dict[str, Callable[[int], Paint]] = {
    "usual": usual,
    "product": product,
    "ours": ours,
    "fast": partial(ours, styles=shipped_fast),
    "ours, compiled": partial(ours, compiled=True),
    "fast, compiled": partial(ours, styles=shipped_fast, compiled=True),
}


def main() -> None:
    """Paint a frame of noise for each line."""
    way, width, height, threads = sys.argv[1], *map(int, sys.argv[2:5])
    frame = np.random.default_rng(1).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    paint = WAYS[way](threads)
    paint(frame)
    print("ready", flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        paint(frame)
        print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    main()
