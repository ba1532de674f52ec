"""Puts trained styles among the shipped ones: `python -m bench.shipping PAINTINGS STYLE.safetensors ...`.

Each is measured first, on photographs it was not trained on, and its card says what was found. Its file goes to
models/weights, to fast/ there where it is the fast engine's, its hash to SHA256SUMS, and the colours it paints now to
what the tests hold it to.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from bench.flicker import SCENES, errors
from bench.judging import Judge, painted, paintings
from models.checkpoint import read_card, read_tensors, write_checkpoint
from models.flicker import MOVES
from models.inference import load_painter
from models.network import FAST
from models.runtime import choose_numeric_path
from models.styles import PINS_PATH, WEIGHTS_FOLDER, pinned_hashes
from tests.models.test_styles import PINNED, astronaut, color_grid, paint_exactly


def measured(data: bytes, judge: Judge) -> bytes:
    """The same style, its card saying what it was found to do."""
    card = read_card(data)
    assert card is not None, "whatever this project trained has a card"
    painter = load_painter(data, choose_numeric_path())
    losses = np.mean([judge(scene.float(), painted(painter, scene[None])[0]) for scene in SCENES], axis=0)
    found = {
        "held_out": {"style": round(float(losses[0]), 3), "content": round(float(losses[1]), 3)},
        "warping_error": {move.name: round(errors(painter, move)[0], 1) for move in MOVES},
    }
    return write_checkpoint(read_tensors(data), card.model_copy(update=found))


def ship(name: str, data: bytes) -> None:
    """Put a style in its place, with its pins."""
    path = WEIGHTS_FOLDER / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    pins = {**pinned_hashes(), f"{name}.safetensors": hashlib.sha256(data).hexdigest()}
    PINS_PATH.write_text("".join(f"{digest}  {file}\n" for file, digest in sorted(pins.items())))
    colors = json.loads(PINNED.read_text())
    colors[name] = color_grid(paint_exactly(data, astronaut())).round(2).tolist()
    PINNED.write_text("{\n" + ",\n".join(f'  "{key}": {json.dumps(colors[key])}' for key in sorted(colors)) + "\n}\n")


def main() -> None:
    """Measure and ship each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paintings", type=Path, help="a folder with a picture named like each style")
    parser.add_argument("styles", type=Path, nargs="+")
    options = parser.parse_args()
    judges = {name: Judge(painting) for name, painting in paintings(options.paintings).items()}
    for path in options.styles:
        data = measured(path.read_bytes(), judges[path.stem])
        card = read_card(data)
        ship(f"fast/{path.stem}" if card and card.architecture == FAST else path.stem, data)
        print(f"{path.stem}: {card}")


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
