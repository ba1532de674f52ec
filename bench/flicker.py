"""Flicker of styles as a Markdown table: `python -m bench.flicker [STYLE.safetensors ...]`, else every shipped style.

Clips are camera moves over scikit-image's photographs, which no shipped style was trained on; their motion is known,
so that the error is the painting's alone. In brackets the floor: a still painting filmed by the same camera without
noise, which is what warping itself costs at sub-pixel speeds.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from skimage import data

from models.checkpoint import read_checkpoint
from models.flicker import MOVES, CameraMove, film, warping_error
from models.inference import Painter, load_painter
from models.runtime import choose_numeric_path
from models.styles import shipped

FRAMES, HEIGHT, WIDTH = 5, 240, 320


def photographs() -> list[torch.Tensor]:
    """Photographs as (3, H, W) float32, larger than a frame by more than any move's way."""
    pictures = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
    return [torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() for picture in pictures]


def painted(painter: Painter, frames: torch.Tensor) -> torch.Tensor:
    """(N, 3, H, W) on 0-255, painted."""
    pixels = frames.permute(0, 2, 3, 1).to(torch.uint8).numpy()
    return torch.from_numpy(painter(pixels)).permute(0, 3, 1, 2).float()


def errors(painter: Painter, move: CameraMove) -> tuple[float, float]:
    """Warping error over the photographs of the painted clip, and its floor; root of the mean square."""
    clip, still = [], []
    noiseless = CameraMove(move.name, move.velocity, 0.0)
    for picture in photographs():
        clip.append(warping_error(painted(painter, film(picture, move, FRAMES, HEIGHT, WIDTH)), move.velocity))
        hung = painted(painter, picture[None])[0]
        still.append(warping_error(film(hung, noiseless, FRAMES, HEIGHT, WIDTH), move.velocity))
    return float(np.sqrt(np.mean(np.square(clip)))), float(np.sqrt(np.mean(np.square(still))))


def main(files: list[str]) -> None:
    """Print a row per style, in grey levels of 255, as error (floor)."""
    paths = [Path(file) for file in files] or [style.path for style in shipped().values()]
    print("| style | " + " | ".join(move.name for move in MOVES) + " |")
    print("|---" * (len(MOVES) + 1) + "|")
    for style in map(read_checkpoint, paths):
        painter = load_painter(style.data, choose_numeric_path(), strength=1.0)
        cells = ["{:.1f} ({:.1f})".format(*errors(painter, move)) for move in MOVES]
        print(f"| {style.name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
