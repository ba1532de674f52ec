"""The photographs a painter learns on: read once, cropped at random scales, in pairs as a moving camera sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from models.losses import translate

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
# Room around a crop for the largest shift of its moved twin and the bicubic kernel.
MARGIN = 12
LARGEST = 2.0
MAX_SHIFT_PX = 8
# Most of it is taken before the network sees it: what is left is that of a good camera, or of one at night.
MAX_NOISE = 12.0
# Of the pairs, those that a camera on a tripod sees: all that differs is the noise.
STILL = 0.4


@dataclass(frozen=True)
class CropPair:
    """Crops, and what a moving, noisy camera sees of them in two frames; all (B, 3, S, S) float32 on 0-255."""

    source: Tensor
    """the crops themselves"""
    seen: Tensor
    """the crops with noise"""
    moved: Tensor
    """each crop's window moved by its shift, with noise of the same strength"""
    shift: Tensor
    """(B, 2) as (dx, dy) in pixels"""

    def to(self, device: str) -> "CropPair":
        """The same crops on another device."""
        return CropPair(*(tensor.to(device) for tensor in (self.source, self.seen, self.moved, self.shift)))


def read_picture(path: Path, side: int | None = None) -> Tensor:
    """A picture as (3, H, W) uint8 RGB, turned as its EXIF says; its longer side shrunk to ``side`` where given."""
    with Image.open(path) as image:
        picture = ImageOps.exif_transpose(image).convert("RGB")
    if side is not None and max(picture.size) > side:
        scale = side / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def read_photographs(folder: Path, smallest_side: int) -> list[list[Tensor]]:
    """Every picture of a folder as ``pyramid`` gives it; in order of names."""
    pyramids = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
        with Image.open(path) as image:
            pyramids.append(pyramid(ImageOps.exif_transpose(image).convert("RGB"), smallest_side))
    return pyramids


def pyramid(picture: Image.Image, smallest_side: int) -> list[Tensor]:
    """An RGB picture at LARGEST times the ``smallest_side``, and by sqrt(2) down to it; each (3, H, W) uint8.

    No larger: a crop then shows much of a scene, as the whole scenes of Johnson et al. do. On crops of plain wall or
    sky a painter learns to make its painting's lights and darks from nothing.
    """
    levels = []
    scale = min(max(1.0, smallest_side / min(picture.size)), LARGEST * smallest_side / min(picture.size))
    while min(picture.size) * scale >= smallest_side - 0.5:
        size = (round(picture.width * scale), round(picture.height * scale))
        resized = picture.resize(size, Image.Resampling.LANCZOS)
        levels.append(torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous())
        scale /= 2**0.5
    return levels


def draw_crops(pyramids: Sequence[Sequence[Tensor]], batch: int, crop: int, seed: int) -> CropPair:
    """A batch for one step, the same for the same seed. STILL of it does not move; half of the rest by whole pixels."""
    random = torch.Generator().manual_seed(seed)
    window = crop + 2 * MARGIN
    windows = []
    for _ in range(batch):
        levels = pyramids[int(torch.randint(len(pyramids), (), generator=random))]
        level = levels[int(torch.randint(len(levels), (), generator=random))]
        top = int(torch.randint(level.shape[1] - window + 1, (), generator=random))
        left = int(torch.randint(level.shape[2] - window + 1, (), generator=random))
        cut = level[:, top : top + window, left : left + window].float()
        windows.append(cut.flip(2) if torch.rand((), generator=random) < 0.5 else cut)
    stack = torch.stack(windows)
    shift = (torch.rand(batch, 2, generator=random) * 2 - 1) * MAX_SHIFT_PX
    whole = torch.rand(batch, 1, generator=random) < 0.5
    shift = torch.where(whole, shift.round(), shift)
    shift = torch.where(torch.rand(batch, 1, generator=random) < STILL, 0.0, shift)
    inside = slice(MARGIN, -MARGIN)
    source = stack[:, :, inside, inside]
    pair = torch.stack([source, translate(stack, shift)[:, :, inside, inside]])
    sigma = torch.rand(batch, 1, 1, 1, generator=random) * MAX_NOISE
    seen, moved = (pair + torch.randn(pair.shape, generator=random) * sigma).clamp(0, 255)
    return CropPair(source, seen, moved, shift)
