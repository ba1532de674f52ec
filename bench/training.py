"""Trains a shipped style, or its plain twin: `python -m bench.training PAINTING PHOTOGRAPHS -o STYLE.safetensors`.

A style goes on from the one of that name, calm from its first step, where one is shipped and `--scratch` is not said;
`--fast` trains the one for the fast engine. Its twin (`--plain --scratch`) is the public network, trained on the same
pictures by the same losses, but without the stability term and with less weight of style, which makes up for that term:
what `bench.flicker` measures a style's calm against. Killed, the same command goes on where it was.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch

from models.checkpoint import StyleCard, read_tensors
from models.learning import Lesson, learn, recipe_for, smallest_side
from models.network import FAST, TRAINED
from models.paintings import read_painting
from models.pictures import is_picture, read_pictures
from models.runtime import choose_numeric_path
from models.styles import shipped, shipped_fast
from models.training import TrainingState

PRINT_EVERY = 50
# Without the stability term this gives about the style loss that the recipe gives with it.
PLAIN_STYLE_WEIGHT = 15.0


def show(state: TrainingState) -> None:
    """A line now and then: the means of the last steps."""
    if state.step % PRINT_EVERY == 0:
        last = state.losses[-PRINT_EVERY:]
        means = [f"{name} {fmean(step.get(name, 0.0) for step in last):.3f}" for name in last[-1]]
        print(f"step {state.step}: {', '.join(means)}", flush=True)


def main() -> None:
    """Train one style, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("painting", type=Path)
    parser.add_argument("photographs", type=Path, help="a folder of pictures, none of those that styles are judged by")
    parser.add_argument("-o", dest="target", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--plain", action="store_true", help="the twin without what holds a painting still")
    parser.add_argument("--fast", action="store_true", help="the network for --engine fast")
    parser.add_argument("--scratch", action="store_true", help="go on from no shipped style")
    options = parser.parse_args()
    path = choose_numeric_path()
    torch.set_num_threads(path.threads)
    name = options.painting.stem
    known = None if options.scratch else (shipped_fast() if options.fast else shipped()).get(name)
    recipe = replace(recipe_for(options.steps, scratch=known is None), architecture=FAST if options.fast else TRAINED)
    if known:
        recipe = replace(recipe, stability_from=0, stability_ramp=1)
    if options.plain:
        recipe = replace(recipe, architecture="johnson2016", style_weight=PLAIN_STYLE_WEIGHT, stability_weight=0.0)
    painting = read_painting(options.painting.read_bytes(), str(options.painting)).shrunk(recipe.painting_px)
    files = [(str(file), file.read_bytes()) for file in sorted(options.photographs.iterdir()) if is_picture(file.name)]
    pictures = read_pictures(files, smallest_side(recipe))
    card = shipped()[name].card if name in shipped() else StyleCard(name=name)
    words = (
        f"Johnson et al. 2016, relative Gram losses, tone term{'' if options.plain else ', stability term'}; "
        f"painting at {recipe.painting_px} px, one crop of {recipe.crop} px a step, {len(files)} pictures"
    )
    if known:
        before = "".join(known.card.recipe.partition(", after ")[1:])
        words += f", after {known.card.steps} steps of version {known.sha256[:8]}{before}"
    card = card.model_copy(update={"recipe": words})
    lesson = Lesson(painting, pictures, read_tensors(known.path.read_bytes()) if known else None, path)
    folder = options.target.with_suffix(".training")
    folder.mkdir(parents=True, exist_ok=True)
    options.target.write_bytes(learn(lesson, recipe, card, folder, show))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
