"""Paints frames: uint8 pictures of any size in, painted ones of the same size out."""

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.checkpoint import read_tensors
from models.network import MIN_SIDE, SIZE_MULTIPLE, TransformerNet
from models.runtime import DTYPES, MEMORY_FORMAT, require_path
from restyle.domain import NumericPath

Frames = NDArray[np.uint8]


class Painter:
    """A style ready to paint, in the way a NumericPath says; ``model_s`` adds up the seconds of its forward passes.

    The same frames in the same call give the same bits. Not safe to call from two threads at once.
    """

    def __init__(self, network: TransformerNet, path: NumericPath, strength: float) -> None:
        """strength: 0 the source, 1 the painting, between them a linear blend of pixels."""
        if not 0 <= strength <= 1:
            raise ValueError(f"strength {strength} is outside 0..1")
        self.path = path
        self.strength = strength
        self.model_s = 0.0
        self._dtype = DTYPES[path.precision]
        self._network = network.to(path.device, self._dtype).to(memory_format=MEMORY_FORMAT).eval()

    def __call__(self, frames: Frames) -> Frames:
        """frames: (N, H, W, 3) uint8 RGB. Returns the same shape; mini-batches are counted from the first frame."""
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise ValueError(f"frames are {frames.dtype} {frames.shape} instead of uint8 (N, H, W, 3)")
        painted = frames.copy()
        if self.strength == 0:
            return painted
        if self.path.device == "cpu":
            torch.set_num_threads(self.path.threads)
        began = time.perf_counter()
        with torch.inference_mode():
            for start in range(0, len(frames), self.path.mini_batch):
                part = slice(start, start + self.path.mini_batch)
                # torch wants memory it may write to; frames decoded elsewhere may be read-only.
                source = torch.from_numpy(painted[part]).to(self.path.device).permute(0, 3, 1, 2)
                painted[part] = self._paint(source).permute(0, 2, 3, 1).cpu().numpy()
        self.model_s += time.perf_counter() - began
        return painted

    def _paint(self, source: Tensor) -> Tensor:
        """source: (B, 3, H, W) uint8. Returns the same."""
        height, width = source.shape[2:]
        below, right = padding(height), padding(width)
        padded = F.pad(source.to(self._dtype), (0, right, 0, below), mode="replicate")
        painted: Tensor = self._network(padded)[:, :, :height, :width].float()
        if self.strength < 1:
            painted = torch.lerp(source.float(), painted.clamp(0, 255), self.strength)
        return painted.round().clamp(0, 255).to(torch.uint8)


def padding(side: int) -> int:
    """Pixels by which a side is extended for the network: to its multiple, and to the least it can see."""
    return max(MIN_SIDE, -(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE) - side


def load_painter(weights: bytes, path: NumericPath, strength: float) -> Painter:
    """A painter from a style's bytes as ``read_checkpoint`` gives them.

    Raises BadCheckpoint for other bytes, PlanMismatch where this machine cannot compute as ``path`` says.
    """
    require_path(path)
    tensors = read_tensors(weights)
    if path.device == "cuda":
        # The fastest algorithm of the moment is not always the same one, and some add in a random order.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    with torch.device("meta"):
        network = TransformerNet()
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    network.requires_grad_(False)
    return Painter(network, path, strength)
