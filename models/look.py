"""What is done to a frame before and after its model: the size it is seen at, and whose colours it keeps."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

# Brightness as YIQ and JPEG's YCbCr mean it (BT.601).
LUMA = (0.299, 0.587, 0.114)


def luma(pixels: Tensor) -> Tensor:
    """pixels: (B, 3, H, W) float RGB. Returns (B, 1, H, W) on the same scale."""
    return (pixels * pixels.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def keep_source_color(source: Tensor, painted: Tensor) -> Tensor:
    """The painting's brightness in the source's colours: luminance-only transfer (Gatys et al. 2016, "Preserving
    Color in Neural Artistic Style Transfer", section 3).

    source, painted: (B, 3, H, W) float RGB within 0..255. Returns the same: Y of the painting, chroma of the source.
    Where that is no colour (brighter or darker than it can be), chroma shrinks towards grey until it is one; Y and hue
    stay. Departs from the paper in painting the frame in colour (its networks were trained so) and taking Y after, and
    in not matching the histogram of the painting's Y to the frame's.
    """
    bright = luma(painted)
    # Equal chroma means equal differences to Y, in YIQ and in every YCbCr.
    chroma = source - luma(source)
    room = torch.where(chroma > 0, 255 - bright, bright)
    share = (room / chroma.abs().clamp(min=1e-6)).amin(1, keepdim=True).clamp(0, 1)
    return bright + share * chroma


def seen_size(height: int, width: int, stroke: float) -> tuple[int, int]:
    """Height and width at which the model sees a frame: smaller for broader strokes, at least one pixel."""
    return max(1, round(height / stroke)), max(1, round(width / stroke))


def resized(pixels: Tensor, height: int, width: int) -> Tensor:
    """pixels: (B, 3, H, W) float within 0..255. Returns (B, 3, height, width) of that, bicubic, without aliasing."""
    if pixels.shape[2:] == (height, width):
        return pixels
    scaled = F.interpolate(pixels, size=(height, width), mode="bicubic", antialias=True)
    return scaled.clamp(0, 255)


def to_levels(pixels: Tensor) -> Tensor:
    """Float pixels of any range as uint8, rounded."""
    return pixels.round().clamp(0, 255).to(torch.uint8)
