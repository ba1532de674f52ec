"""Paints frames: uint8 pictures of any size in, painted ones of the same size out."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.blocks import BLOCK, InBlocks
from models.checkpoint import read_network
from models.compiling import compiled
from models.look import keep_source_color, resized, seen_size, to_levels
from models.motion import Smoother
from models.network import MIN_SIDE, SIZE_MULTIPLE, TransformerNet
from models.runtime import DTYPES, MEMORY_FORMAT, is_out_of_memory, require_path
from models.staging import Frames, Staging
from restyle.domain import NumericPath
from restyle.errors import OutOfMemory

Model = Callable[[Tensor], Tensor]
"""(B, 3, H, W) uint8 RGB on the path's device to float32 of the same shape and device, within 0..255."""


class Painter:
    """A model ready to paint, in the way a NumericPath says.

    The same frames in the same call give the same bits. Not safe to call from two threads at once.
    """

    def __init__(
        self,
        model: Model,
        path: NumericPath,
        strength: float = 1.0,
        keep_color: bool = False,
        stroke: float = 1.0,
        carried: float = 0.0,
    ) -> None:
        """strength: 0 the source, 1 the painting, between them a linear blend of pixels.

        keep_color: the source's colours under the painting's brightness. stroke: how much smaller than it is the model
        sees the frame, so that its strokes come out this much broader. carried: share of the painting before in each
        next one, where the motion between their frames is known; frames then follow each other, from call to call too.
        In order: stroke, model, the painting before, colour, strength.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength} is outside 0..1")
        if not 0.5 <= stroke <= 2:
            raise ValueError(f"stroke {stroke} is outside 0.5..2")
        self.path = path
        self.strength = strength
        self.keep_color = keep_color
        self.stroke = stroke
        self._model = model
        self._staging = Staging(path.device)
        self._smoother = Smoother(carried) if carried else None

    def __call__(self, frames: Frames) -> Frames:
        """frames: (N, H, W, 3) uint8 RGB. Returns the same shape; mini-batches are counted from the first frame.

        Raises OutOfMemory where a mini-batch does not fit into the device's memory.
        """
        mini = self.path.mini_batch
        return np.concatenate([self.begin(frames[first : first + mini])() for first in range(0, len(frames), mini)])

    def begin(self, frames: Frames) -> Callable[[], Frames]:
        """Paint one mini-batch, as calling does; what this returns waits for the painted frames.

        A GPU paints meanwhile, and goes on with what is begun next. A processor paints when it is waited for.
        """
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise ValueError(f"frames are {frames.dtype} {frames.shape} instead of uint8 (N, H, W, 3)")
        if self.strength == 0:
            return frames.copy
        if self.path.device != "cpu":
            return self._start(frames)

        def paint() -> Frames:
            return self._start(frames)()

        return paint

    def _start(self, frames: Frames) -> Callable[[], Frames]:
        if self.path.device == "cpu":
            torch.set_num_threads(self.path.threads)
        try:
            with torch.inference_mode():
                return self._staging.paint(frames, self._paint)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            said = str(error).partition("\n")[0]
        # Raised here, where nothing of the failed pass is held any more.
        if self.path.device == "cuda":
            torch.cuda.empty_cache()
        what = f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]} pixels"
        raise OutOfMemory(f"{what}, painted at once, need more memory than this {self.path.device} has ({said})")

    def _paint(self, source: Tensor) -> Tensor:
        """source: (B, 3, H, W) uint8. Returns the same."""
        painted = self._model(source) if self.stroke == 1 else self._paint_resized(source)
        if self._smoother:
            pairs = zip(torch.split(source.float(), 1), torch.split(painted, 1), strict=True)
            painted = torch.cat([self._smoother(*pair) for pair in pairs])
        if self.keep_color:
            painted = keep_source_color(source.float(), painted)
        if self.strength < 1:
            painted = torch.lerp(source.float(), painted, self.strength)
        return to_levels(painted)

    def _paint_resized(self, source: Tensor) -> Tensor:
        height, width = source.shape[2:]
        seen = resized(source.float(), *seen_size(height, width, self.stroke))
        return resized(self._model(to_levels(seen)), height, width)


class StyleNetwork:
    """A style's network as a model."""

    def __init__(self, network: TransformerNet, path: NumericPath) -> None:
        self._dtype = DTYPES[path.precision]
        network = network.to(path.device, self._dtype).to(memory_format=MEMORY_FORMAT).eval()
        self._paint = compiled(network, path) if path.compiled else network
        self._least = path.mini_batch if path.compiled else 1

    def __call__(self, source: Tensor) -> Tensor:
        """Paint at any size: the frame is extended by its edge to what the network takes, and cut back.

        So is a mini-batch of fewer frames than others by its last one, where the network would be compiled anew for it.
        """
        count, _, height, width = source.shape
        below, right = padding(height), padding(width)
        padded = F.pad(source.to(self._dtype), (0, right, 0, below), mode="replicate")
        if count < self._least:
            padded = torch.cat([padded, *[padded[-1:]] * (self._least - count)]).contiguous(memory_format=MEMORY_FORMAT)
        painted: Tensor = self._paint(padded)[:count, :, :height, :width]
        return painted.float().clamp(0, 255)


class Mix:
    """Several models as one: the weighted sum of their paintings.

    Pixels are mixed, not weights: networks trained apart do not share what their channels mean, and the one halfway
    between two of them paints neither style.
    """

    def __init__(self, parts: Sequence[tuple[Model, float]]) -> None:
        """parts: models and their shares, which add up to 1."""
        self._parts = parts

    def __call__(self, source: Tensor) -> Tensor:
        """Paint with each model in turn."""
        (first, share), *others = self._parts
        mixed = first(source) * share
        for model, weight in others:
            mixed += model(source) * weight
        return mixed.clamp(0, 255)


def padding(side: int) -> int:
    """Pixels by which a side is extended for the network: to its multiple, and to the least it can see."""
    return max(MIN_SIDE, -(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE) - side


def load_network(weights: bytes, path: NumericPath) -> StyleNetwork:
    """A model from a style's bytes as ``read_checkpoint`` gives them.

    Raises BadCheckpoint for other bytes, PlanMismatch where this machine cannot compute as ``path`` says.
    """
    require_path(path)
    network = read_network(weights)
    if path.blocks:
        network.deconv3.register_module("conv2d", InBlocks(network.deconv3.conv2d, BLOCK[path.precision]))
    if path.device == "cuda":
        # The fastest algorithm of the moment is not always the same one, and some add in a random order.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    return StyleNetwork(network, path)


def load_painter(
    weights: bytes, path: NumericPath, strength: float = 1.0, keep_color: bool = False, stroke: float = 1.0
) -> Painter:
    """A painter in one style; raises what ``load_network`` does."""
    return Painter(load_network(weights, path), path, strength, keep_color, stroke)
