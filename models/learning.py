"""A painting becomes a style: where its training begins, how long it lasts, when it is given up, what is kept."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import torch
from torch import Tensor

from models.checkpoint import StyleCard, read_network, write_checkpoint
from models.losses import gram_matrix, style_loss
from models.network import Architecture, TransformerNet
from models.photographs import MARGIN
from models.runtime import DTYPES
from models.training import Recipe, TrainingState, open_training, shippable, train, training_step
from models.vgg import load_vgg
from restyle.domain import NumericPath
from restyle.errors import TrainingDiverged

DEFAULT_MINUTES = {"cpu": 8.0, "cuda": 1.0}
MIN_STEPS, MAX_STEPS = 20, 50_000
# A loss is the mean of this many steps: single steps differ by their photographs.
WINDOW = 10
# A training whose loss is this many times its best has left the valley it was in.
EXPLOSION = 3.0
# Pictures from which a start's colours are told.
RECOLORED_BY = 8
# Steps between two saved states, at most: what a killed training loses.
SAVE_EVERY = 20


@dataclass(frozen=True)
class Lesson:
    """What is learned, from which pictures, and how this machine computes."""

    painting: Tensor
    """(3, H, W) uint8"""
    pictures: Sequence[Sequence[Tensor]]
    """pyramids"""
    start: Mapping[str, Tensor] | None
    """a style's tensors, or None to begin from a network that copies"""
    numeric: NumericPath


def recipe_for(steps: int, scratch: bool) -> Recipe:
    """The recipe of a training of so many steps: the strokes first, and calm ones in the last two thirds."""
    begins = round(steps * (0.33 if scratch else 0.28))
    return Recipe(steps=steps, stability_from=begins, stability_ramp=round(steps * 0.3))


def smallest_side(recipe: Recipe) -> int:
    """Pixels a training picture must have on its shorter side."""
    return recipe.crop + 2 * MARGIN


def steps_within(minutes: float, seconds_per_step: float) -> int:
    """How many steps fit into so many minutes."""
    return min(MAX_STEPS, max(MIN_STEPS, round(60 * minutes / seconds_per_step)))


def seconds_per_step(lesson: Lesson, recipe: Recipe) -> float:
    """The time of one step on this machine: the least of six, for what else has just started is soon done with."""
    device, precision = lesson.numeric.device, DTYPES[lesson.numeric.precision]
    vgg = load_vgg().to(device, precision)
    grams = {layer: gram_matrix(f) for layer, f in vgg(lesson.painting[None].to(device).float()).items()}
    state = open_training(Path("no state to go on from"), recipe, lesson.start, device)
    calm = replace(recipe, stability_from=-1, stability_ramp=1)
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        training_step(state, vgg, grams, lesson.pictures, calm, precision)
        taken.append(time.perf_counter() - began)
    return min(taken)


def nearest_style(painting: Tensor, pictures: Sequence[Sequence[Tensor]], styles: Mapping[str, bytes]) -> str:
    """The style whose paintings of two of the pictures have Gram matrices nearest to those of the painting.

    painting: (3, H, W) uint8; styles: checkpoints by name. The paintings that the styles were trained from are not
    needed, and a style that was trained badly is not chosen for its painting's sake.
    """
    vgg, weights = load_vgg(), recipe_for(1, scratch=False).layer_weights
    with torch.inference_mode():
        grams = {layer: gram_matrix(f) for layer, f in vgg(painting[None].float()).items()}
        # The smallest versions: whole scenes, and quickly painted.
        seen = [multiple_of_four(pyramid[-1]) for pyramid in pictures[:2]]

        def distance(name: str) -> float:
            network = read_network(styles[name], name)
            painted = [network(picture[None].float()).clamp(0, 255) for picture in seen]
            return fmean(float(style_loss(vgg(picture), grams, weights)) for picture in painted)

        return min(sorted(styles), key=distance)


def recolored(start: Mapping[str, Tensor], lesson: Lesson, architecture: Architecture) -> dict[str, Tensor]:
    """A style's tensors whose paintings have the painting's colours to begin with: their mean and their covariance.

    The last layer is linear, so its weights take the map; of those that do it, the one that moves colours least
    (Pitie and Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping").
    """
    network = TransformerNet(architecture)
    network.load_state_dict(start)
    with torch.inference_mode():
        seen = [multiple_of_four(pyramid[-1])[None].float() for pyramid in lesson.pictures[:RECOLORED_BY]]
        painted = torch.cat([network(picture).flatten(2) for picture in seen], 2)[0]
    (mean, covariance), (wanted, spread) = (_colors(pixels) for pixels in (painted, lesson.painting.flatten(1)))
    if not torch.isfinite(covariance).all():
        return dict(start)  # its first loss will say so
    root, inverse = _power(covariance, 0.5), _power(covariance, -0.5)
    change = inverse @ _power(root @ spread @ root, 0.5) @ inverse
    weight, bias = (start[f"deconv3.conv2d.{name}"].double() for name in ("weight", "bias"))
    return {
        **start,
        "deconv3.conv2d.weight": torch.einsum("ij,jkhw->ikhw", change, weight).float(),
        "deconv3.conv2d.bias": (change @ (bias - mean) + wanted).float(),
    }


def _colors(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of (3, N) pixels; (3,) and (3, 3) in float64."""
    pixels = pixels.double()
    return pixels.mean(1), torch.cov(pixels, correction=0)


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """A power of a covariance; a painting in one colour has none to divide by, so a grey level's is the least."""
    values, vectors = torch.linalg.eigh(covariance)
    powered: Tensor = vectors * values.clamp_min(1.0) ** exponent @ vectors.T
    return powered


def multiple_of_four(picture: Tensor) -> Tensor:
    """(3, H, W) cut to sides the network takes."""
    height, width = (side // 4 * 4 for side in picture.shape[1:])
    return picture[:, :height, :width]


def learn(
    lesson: Lesson, recipe: Recipe, card: StyleCard, folder: Path, on_step: Callable[[TrainingState], None]
) -> bytes:
    """Train, going on from what ``folder`` holds of this training, and return the style's file.

    The folder keeps the state and the best style so far. Raises TrainingDiverged when the loss is no number or
    explodes; the best style is then in ``best_style(folder)``, unless that came within the first WINDOW steps.
    """
    keeper = BestKeeper(recipe, card, best_style(folder))
    states: list[TrainingState] = []

    def after(state: TrainingState) -> None:
        states[:] = [state]
        keeper(state)
        on_step(state)

    tensors = train(
        lesson.painting,
        lesson.pictures,
        recipe,
        folder / "state.pt",
        start=recolored(lesson.start, lesson, recipe.architecture) if lesson.start else None,
        precision=DTYPES[lesson.numeric.precision],
        save_every=max(1, min(SAVE_EVERY, recipe.steps // 10)),
        on_step=after,
        device=lesson.numeric.device,
    )
    losses = states[-1].losses if states else open_training(folder / "state.pt", recipe, None).losses
    return style_file(tensors, card, recipe, losses)


def best_style(folder: Path) -> Path:
    """Where a training in ``folder`` keeps its best style so far."""
    return folder / "best.safetensors"


def style_file(
    tensors: Mapping[str, Tensor], card: StyleCard, recipe: Recipe, losses: Sequence[Mapping[str, float]]
) -> bytes:
    """A checkpoint in float16 whose card says how long it was trained and the losses of its last steps."""
    names = [name for name in losses[-1] if name not in ("total", "seconds")]
    means = {name: round(fmean(step.get(name, 0.0) for step in losses[-WINDOW:]), 4) for name in names}
    full = card.model_copy(update={"architecture": recipe.architecture, "steps": len(losses), "losses": means})
    return write_checkpoint({name: tensor.half() for name, tensor in tensors.items()}, full)


@dataclass
class BestKeeper:
    """Keeps the style of the WINDOW of steps with the least loss; stops a training that has left it far behind.

    The loss is what style and content weigh together: the stability term grows by plan.
    """

    recipe: Recipe
    card: StyleCard
    path: Path

    def __call__(self, state: TrainingState) -> None:
        """After each step. Raises TrainingDiverged."""
        if state.step % WINDOW:
            return
        typical = self.typical(state.losses)
        now, best = typical[-1], min(typical)
        if now > EXPLOSION * best:
            raise TrainingDiverged(
                f"the loss rose to {now:.3g} at step {state.step}, more than {EXPLOSION:g} times its best, "
                f"{best:.3g} at step {WINDOW * (typical.index(best) + 1)}"
            )
        if now == best:
            aside = self.path.with_suffix(".partial")
            aside.write_bytes(style_file(shippable(state.averaged), self.card, self.recipe, state.losses))
            aside.replace(self.path)

    def typical(self, losses: Sequence[Mapping[str, float]]) -> list[float]:
        """The median loss of each whole window: a single crop may have twenty times the others' and means nothing."""
        weighed = [
            self.recipe.style_weight * step["style"] + self.recipe.content_weight * step["content"] for step in losses
        ]
        return [median(weighed[i : i + WINDOW]) for i in range(0, len(weighed) - WINDOW + 1, WINDOW)]
