"""A cartoon filter for restyle: flat areas, clean contours; no training, no style, the same on every frame.

As a callable:          restyle run clip.mp4 --model cartoon:paint        (in this folder)
As an exported program: python cartoon.py cartoon.pt2
                        restyle run clip.mp4 --model cartoon.pt2
"""

import sys

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

RADIUS = 4  # pixels: how large the flat areas are
LEVELS = 7  # of brightness
INK = 9.0  # how dark contours are drawn


class Cartoon(torch.nn.Module):
    """(N, H, W, 3) uint8 RGB to the same."""

    def forward(self, frames: Tensor) -> Tensor:
        """Smooth without crossing edges, cut brightness into levels, draw the edges in black."""
        flat = kuwahara(frames.permute(0, 3, 1, 2).float() / 255)
        bright = flat.mean(1, keepdim=True)
        steps = torch.floor(bright * LEVELS) + torch.sigmoid(12 * (torch.frac(bright * LEVELS) - 0.5))
        toned = flat + (steps / LEVELS - bright)
        inked = toned * torch.exp(-INK * contours(bright))
        return (inked.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def kuwahara(pixels: Tensor) -> Tensor:
    """Each pixel becomes the mean of whichever of four squares beside it is the most even (Kuwahara et al. 1976).

    pixels: (N, 3, H, W) within 0..1. Returns the same.
    """
    side = RADIUS + 1
    padded = F.pad(pixels, (RADIUS, RADIUS, RADIUS, RADIUS), mode="replicate")
    mean = F.avg_pool2d(padded, side, stride=1)
    uneven = (F.avg_pool2d(padded**2, side, stride=1) - mean**2).sum(1, keepdim=True)
    height, width = pixels.shape[2:]
    corners = [(y, x) for y in (0, RADIUS) for x in (0, RADIUS)]
    means = torch.stack([mean[:, :, y : y + height, x : x + width] for y, x in corners])
    best = torch.stack([uneven[:, :, y : y + height, x : x + width] for y, x in corners]).argmin(0, keepdim=True)
    return means.gather(0, best.expand(-1, -1, 3, -1, -1))[0]


def contours(bright: Tensor) -> Tensor:
    """How fast brightness changes, by central differences, without what is only noise; (N, 1, H, W)."""
    padded = F.pad(bright, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    return (torch.sqrt(across**2 + down**2) - 0.06).clamp(min=0)


cartoon = Cartoon()


def paint(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What --model cartoon:paint calls. frames: (N, H, W, 3) uint8 RGB. Returns the same."""
    painted: NDArray[np.uint8] = cartoon(torch.from_numpy(frames)).numpy()
    return painted


def export(target: str) -> None:
    """Write the filter as a program that takes any number of frames of any size."""
    free = torch.export.Dim.DYNAMIC
    example = torch.zeros(2, 64, 96, 3, dtype=torch.uint8)
    program = torch.export.export(cartoon, (example,), dynamic_shapes=({0: free, 1: free, 2: free},))
    torch.export.save(program, target)


if __name__ == "__main__":
    export(sys.argv[1])
