"""What a calm network sees of a picture: all but its grain and shimmer, which it would paint anew in every frame."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

# What a painter does not see. Grain: at half the size, what deviates by less than 20 levels in windows of 5 x 5 pixels.
GRAIN_RADIUS, GRAIN_VARIANCE = 2, 20.0**2
# And of what that leaves in flat areas, at a quarter, what deviates by less than 8 levels in one of 7 x 7.
SHIMMER_RADIUS, SHIMMER_VARIANCE = 3, 8.0**2


def without_noise(pixels: Tensor) -> Tensor:
    """A picture without grain, its edges kept: each channel's guided filter by itself, on two scales.

    pixels: (B, 3, H, W) on 0-255, any float, sides multiples of four. Returns the same. In flat areas a painter paints
    whatever it is given, new in every frame, and one scale still leaves a shimmer of a third of a level there. A line
    for each pixel is found on smaller pictures (He and Sun 2015, "Fast guided filter"; He et al. 2010, section 3), and
    variances keep what is lost by shrinking. Float32 whatever autocast says: bfloat16 squares of grey levels are
    hundreds apart.
    """
    with torch.autocast(pixels.device.type, enabled=False):
        x = pixels.float()
        half, squares = halved(x), halved(x * x)
        slope, offset = guided(half, squares, GRAIN_RADIUS, GRAIN_VARIANCE)
        clean = slope * half + offset
        texture = slope * slope * (squares - half * half)
        lines = guided(halved(clean), halved(clean * clean + texture), SHIMMER_RADIUS, SHIMMER_VARIANCE)
        second_slope, second_offset = enlarged(*lines)
        slope, offset = enlarged(second_slope * slope, second_slope * offset + second_offset)
        return torch.addcmul(offset, slope, x).to(pixels.dtype)


def guided(x: Tensor, squares: Tensor, radius: int, variance: float) -> tuple[Tensor, Tensor]:
    """Slope and offset of each pixel's line in a guided filter whose guide is the picture itself.

    x, squares: (B, C, H, W), a picture and its mean squares; variance: below which a window is flat. Returns two alike.
    """
    x, squares = (F.pad(part, [2 * radius] * 4, mode="replicate") for part in (x, squares))
    mean = box_mean(x, radius)
    spread = box_mean(squares, radius) - mean * mean
    slope = spread / (spread + variance)
    return box_mean(slope, radius), box_mean(mean - slope * mean, radius)


def box_mean(x: Tensor, radius: int) -> Tensor:
    """The mean over the window of each pixel that is ``radius`` or more from the border; x: (B, C, H, W)."""
    channels, side = x.shape[1], 2 * radius + 1
    row = torch.full((channels, 1, 1, side), 1 / side, dtype=x.dtype, device=x.device)
    return F.conv2d(F.conv2d(x, row, groups=channels), row.transpose(2, 3), groups=channels)


def halved(x: Tensor) -> Tensor:
    """(B, C, H, W) at half the size, by means; a convolution takes a fifth of the time of torch's own pooling."""
    channels = x.shape[1]
    return F.conv2d(x, torch.full((channels, 1, 2, 2), 0.25, dtype=x.dtype, device=x.device), stride=2, groups=channels)


def enlarged(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both at twice their size, bilinearly; (B, C, H, W)."""
    first, second = F.interpolate(torch.cat([first, second], 1), scale_factor=2, mode="bilinear").chunk(2, 1)
    return first, second
