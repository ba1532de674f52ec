"""Gatys' method: no network paints, each picture is itself optimised until a classifier sees both styles in it.

Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks". Departures, for pictures on a par with
those of the trained styles in fewer steps: VGG16 up to relu4_3 with its maxima, in place of VGG19 up to relu5_1 with
means; content at relu3_3, which keeps more of it than their conv4_2; losses relative to their targets, as in
models/losses.py, so that one pair of weights serves every painting; a penalty on what is no colour, and a little total
variation; begun from the frame, or from the painting of the frame before it, in place of white noise; a fixed number
of steps, of which the best is taken.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.losses import content_loss, gram_matrix, range_penalty, style_loss, total_variation
from models.paintings import Painting
from models.runtime import DTYPES, MEMORY_FORMAT, choose_numeric_path, require_path
from models.vgg import LAYERS, load_vgg
from restyle.domain import NumericPath

# One metadata key: of several, safetensors does not keep the order, and the file's hash is its name.
RECIPE_KEY = "gatys"
# VGG16 halves a picture three times, and its last maps want two pixels.
MIN_SIDE = 16


@dataclass(frozen=True)
class GatysRecipe:
    """Everything that decides a picture besides painting, frame, start and precision."""

    first_steps: int = 100
    """of L-BFGS, where a clip begins: from the frame itself"""
    next_steps: int = 30
    """from the painting of the frame before"""
    painting_px: int = 320
    """shorter side of the painting as the losses see it: that of the trained styles, so that strokes are as large"""
    style_weight: float = 15.0
    layer_weights: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(LAYERS, 1.0))
    content_weight: float = 1.0
    content_layer: str = "relu3_3"
    tv_weight: float = 5e-3
    range_weight: float = 10.0
    history: int = 20
    """steps that L-BFGS remembers; torch's 100 would fill the memory with copies of large frames"""


class Gatys:
    """The method made ready for one painting; it keeps nothing of what it paints."""

    def __init__(self, painting: Tensor, recipe: GatysRecipe, path: NumericPath) -> None:
        """painting: (3, H, W) uint8, already at its size. Raises PlanMismatch where this machine lacks ``path``."""
        require_path(path)
        self.recipe = recipe
        self._vgg = load_vgg().to(path.device, DTYPES[path.precision]).to(memory_format=MEMORY_FORMAT)
        with torch.no_grad():
            seen = self._vgg(painting[None].to(path.device).float())
            self._grams = {layer: gram_matrix(features) for layer, features in seen.items()}

    def paint(self, source: Tensor, start: Tensor, steps: int) -> Tensor:
        """source, start: (1, 3, H, W) on 0-255, sides of MIN_SIDE at least: what to paint, and what to begin from.

        Returns the same as float32: the start, or whatever step after it has the least loss.
        """
        with torch.inference_mode(False), torch.enable_grad():
            begun = start.clone().float().contiguous()
            content = self._content(source.clone().float())
            best, least = begun, float("inf")
            # L-BFGS makes its first step one unit long, summed over the picture: here, a grey level everywhere.
            unit = float(begun.numel())
            offset = torch.zeros_like(begun, requires_grad=True)
            optimizer = torch.optim.LBFGS(
                [offset],
                max_iter=steps,
                max_eval=steps + 1,
                history_size=self.recipe.history,
                tolerance_grad=0,
                tolerance_change=0,
            )

            def evaluate() -> float:
                nonlocal best, least
                optimizer.zero_grad()
                pixels = begun + unit * offset
                loss = self._loss(pixels, content)
                torch.autograd.backward(loss)
                if loss.item() < least:
                    best, least = pixels.detach(), loss.item()
                return loss.item()

            optimizer.step(evaluate)  # type: ignore[no-untyped-call]  # torch leaves it untyped
            return best.clamp(0, 255)

    def _content(self, source: Tensor) -> Tensor:
        with torch.no_grad():
            features: dict[str, Tensor] = self._vgg(source, self.recipe.content_layer)
        return features[self.recipe.content_layer]

    def _loss(self, pixels: Tensor, content: Tensor) -> Tensor:
        recipe = self.recipe
        features = self._vgg(pixels)
        return (
            recipe.style_weight * style_loss(features, self._grams, recipe.layer_weights)
            + recipe.content_weight * content_loss(features[recipe.content_layer], content)
            + recipe.tv_weight * total_variation(pixels)
            + recipe.range_weight * range_penalty(pixels)
        )


class GatysClip:
    """The method as a model for frames that follow each other: each is begun from the painting of the one before."""

    def __init__(self, gatys: Gatys) -> None:
        self._gatys = gatys
        self._last: Tensor | None = None

    def __call__(self, source: Tensor) -> Tensor:
        """source: (B, 3, H, W) uint8, the next frames in order. Returns the same as float32."""
        return torch.cat([self._next(frame[None].float()) for frame in source])

    def _next(self, frame: Tensor) -> Tensor:
        height, width = frame.shape[2:]
        below, right = (max(0, MIN_SIDE - side) for side in (height, width))
        padded = F.pad(frame, (0, right, 0, below), mode="replicate")
        recipe = self._gatys.recipe
        if self._last is None:
            self._last = self._gatys.paint(padded, padded, recipe.first_steps)
        else:
            self._last = self._gatys.paint(padded, self._last, recipe.next_steps)
        return self._last[:, :, :height, :width]


def gatys_picture(
    photo: Tensor, painting: Painting, steps: int = GatysRecipe.first_steps, path: NumericPath | None = None
) -> Tensor:
    """One picture by this method. photo: (3, H, W) uint8, at least 16 pixels on each side. Returns the same."""
    path = path or choose_numeric_path()
    recipe = GatysRecipe(first_steps=steps)
    gatys = Gatys(painting.shrunk(recipe.painting_px), recipe, path)
    frame = photo[None].to(path.device)
    return gatys.paint(frame, frame, steps)[0].round().to("cpu", torch.uint8)


def seconds_per_step(gatys: Gatys, path: NumericPath, height: int, width: int) -> float:
    """The time of one step on frames of this size, by taking three on noise, after one that warms up."""
    if path.device == "cpu":
        torch.set_num_threads(path.threads)
    noise = torch.rand(1, 3, max(MIN_SIDE, height), max(MIN_SIDE, width), device=path.device) * 255
    gatys.paint(noise, noise, 1)
    began = time.perf_counter()
    gatys.paint(noise, noise, 3)
    return (time.perf_counter() - began) / 3


def write_order(painting: Painting, recipe: GatysRecipe) -> bytes:
    """A file of the painting at its size and the recipe; the same two give the same bytes."""
    words = json.dumps(asdict(recipe), sort_keys=True)
    return save({"painting": painting.shrunk(recipe.painting_px)}, metadata={RECIPE_KEY: words})


def load_gatys(order: bytes, path: NumericPath) -> Gatys:
    """The method as ``write_order`` has it. Raises PlanMismatch where this machine lacks ``path``."""
    header = json.loads(order[8 : 8 + int.from_bytes(order[:8], "little")])
    recipe = GatysRecipe(**json.loads(header["__metadata__"][RECIPE_KEY]))
    return Gatys(load(order)["painting"], recipe, path)
