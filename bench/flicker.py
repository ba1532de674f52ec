"""Flicker as a Markdown table: `python -m bench.flicker [--paintings FOLDER] [STYLE.safetensors|MODULE:CALLABLE ...]`.

Without names, every shipped style is set beside the public network, trained alike but without the stability term.
Clips are camera moves over photographs that no shipped style was trained on. Their motion is known, so that the error
is the painting's alone; in brackets its floor: a still painting filmed by the same camera without noise, which is what
warping itself costs at sub-pixel speeds. With the paintings (files named like the styles), the last column is the style
loss on the same photographs, for flicker could fall with the style.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from bench.judging import PLAIN, Judge, painted, paintings, photographs, shrunk
from models.flicker import MOVES, CameraMove, film, warping_error
from models.inference import Painter, load_painter
from models.own import callable_identity, load_callable
from models.runtime import choose_numeric_path
from models.styles import shipped

FRAMES, HEIGHT, WIDTH = 4, 240, 320
# Larger than a frame by more than any move's way.
SCENES = [shrunk(picture, WIDTH + 40, HEIGHT + 40) for picture in photographs().values()]


def errors(painter: Painter, move: CameraMove) -> tuple[float, float]:
    """Warping error over the photographs of the painted clip, and its floor; root of the mean square."""
    clip, still = [], []
    noiseless = CameraMove(move.name, move.velocity, 0.0)
    for scene in SCENES:
        clip.append(warping_error(painted(painter, film(scene, move, FRAMES, HEIGHT, WIDTH)), move.velocity))
        hung = painted(painter, scene[None])[0]
        still.append(warping_error(film(hung, noiseless, FRAMES, HEIGHT, WIDTH), move.velocity))
    return float(np.sqrt(np.mean(np.square(clip)))), float(np.sqrt(np.mean(np.square(still))))


def load(name: str) -> Painter:
    """A painter from a style's file or from a user's own callable."""
    path = choose_numeric_path()
    if ":" in name:
        return Painter(load_callable(name, callable_identity(name)), path)
    return load_painter(Path(name).read_bytes(), path)


def row(label: str, painter: Painter, judge: Judge | None) -> list[float]:
    """Print a row, in grey levels of 255; returns its errors."""
    measured = [errors(painter, move) for move in MOVES]
    cells = [f"{error:.1f} ({floor:.1f})" for error, floor in measured]
    if judge:
        losses = [judge(scene.float(), painted(painter, scene[None])[0])[0] for scene in SCENES]
        cells.append(f"{np.mean(losses):.3f}")
    print(f"| {label} | " + " | ".join(cells) + " |", flush=True)
    return [error for error, _ in measured]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--paintings", type=Path)
    options = parser.parse_args()
    judges = (
        {name: Judge(painting) for name, painting in paintings(options.paintings).items()} if options.paintings else {}
    )
    head = ["style", *(move.name for move in MOVES), *(["style loss"] if judges else [])]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for name in options.names:
        row(name, load(name), None)
    for name, style in {} if options.names else shipped().items():
        judge = judges.get(name)
        plain = row(f"{name}, plain", load(str(PLAIN / style.path.name)), judge)
        calm = row(f"**{name}**", load(str(style.path)), judge)
        ratios = [f"{after / before:.2f}" for after, before in zip(calm, plain, strict=True)]
        print("| of the plain | " + " | ".join([*ratios, *([""] if judges else [])]) + " |", flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
