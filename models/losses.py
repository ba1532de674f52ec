"""The losses a painter is trained by, as pure functions of tensors.

Gatys et al. 2016 (content and style through a classifier's features), Johnson et al. 2016 (the same for a
feed-forward network, with total variation).
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

# Warped pictures are compared inside this many pixels from their borders: beyond are pixels no one has painted.
WARP_MARGIN = 12
TONE_PATCH = 8


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations of a feature map (Gatys et al. 2016, eq. 3).

    features: (B, C, H, W), any float. Returns (B, C, C) float32, divided by C*H*W
    as in Johnson et al. 2016; Gatys et al. do not divide.
    """
    batch, channels, height, width = features.shape
    flat = features.flatten(2)
    # Divided before the product, so that bfloat16 and float16 features neither overflow nor lose their sum.
    scale = (channels * height * width) ** -0.5
    return torch.bmm(flat * scale, (flat * scale).transpose(1, 2)).float().view(batch, channels, channels)


def style_loss(features: Mapping[str, Tensor], grams: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Weighted mean over layers of the squared Gram difference, relative to the painting's own Gram.

    features: by layer, (B, C, H, W); grams: the painting's, (1, C, C); weights: by layer. Returns a scalar, about 1
    for a picture without any style. Departs from Johnson et al. 2016, who sum the unscaled differences: relative ones
    let the same weights serve every painting.
    """
    total = torch.zeros((), device=next(iter(grams.values())).device)
    for layer, weight in weights.items():
        target = grams[layer]
        difference = (gram_matrix(features[layer]) - target).pow(2).mean()
        total = total + weight * difference / target.pow(2).mean()
    return total / sum(weights.values())


def content_loss(painted: Tensor, source: Tensor) -> Tensor:
    """Squared feature difference relative to the source's mean square (Johnson et al. 2016, eq. 2, do not divide).

    painted, source: (B, C, H, W) features of one layer. Returns a scalar; 1 when nothing of the source is left.
    """
    source = source.float()
    return F.mse_loss(painted.float(), source) / source.pow(2).mean()


def tone_loss(painted: Tensor, source: Tensor) -> Tensor:
    """How little light and dark of the painting follow those of the source, in patches of TONE_PATCH pixels.

    painted, source: (B, 3, H, W) on 0-255. Returns a scalar, 1 less the correlation of their mean levels: 0 where light
    stays light, 1 where the source has no light and dark to follow, 2 where they are swapped. Not in Johnson et al.:
    features see edges of either sign alike, and a painter that has begun to swap light and dark never comes back.
    """
    tones = [F.avg_pool2d(pixels.mean(1, keepdim=True), TONE_PATCH) for pixels in (painted, source)]
    own, theirs = (tone - tone.mean((2, 3), keepdim=True) for tone in tones)
    covariance = (own * theirs).mean((1, 2, 3))
    # 25 (a deviation of five levels) on each side: nothing is asked of a flat crop.
    spread = (own.pow(2).mean((1, 2, 3)) + 25) * (theirs.pow(2).mean((1, 2, 3)) + 25)
    return (1 - covariance * spread.rsqrt()).mean()


def total_variation(pixels: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, in grey levels of 255; pixels: (B, 3, H, W). Johnson et al. square it."""
    down = (pixels[:, :, 1:] - pixels[:, :, :-1]).abs().mean()
    right = (pixels[:, :, :, 1:] - pixels[:, :, :, :-1]).abs().mean()
    return down + right


def range_penalty(pixels: Tensor) -> Tensor:
    """Mean square of what lies outside 0-255, over 255^2; pixels: (B, 3, H, W). Clamping would hide it."""
    return (pixels - pixels.clamp(0, 255)).div(255).pow(2).mean()


def translate(pixels: Tensor, shift: Tensor) -> Tensor:
    """The picture seen through a window moved by ``shift``: out[y, x] = in[y + dy, x + dx], bicubic between pixels.

    pixels: (B, C, H, W) float32; shift: (B, 2) as (dx, dy) in pixels. Beyond the border the last pixel is repeated.
    """
    batch, _, height, width = pixels.shape
    size = torch.tensor([width, height], dtype=torch.float32, device=pixels.device)
    theta = torch.eye(2, 3, device=pixels.device).repeat(batch, 1, 1)
    theta[:, :, 2] = 2 * shift / size
    grid = F.affine_grid(theta, [batch, 1, height, width], align_corners=False)
    return F.grid_sample(pixels, grid, mode="bicubic", padding_mode="border", align_corners=False)


def stability_loss(painted: Tensor, painted_moved: Tensor, shift: Tensor) -> Tensor:
    """How far the painting of a moved crop is from the moved painting, as a share of the paintings' own variance.

    painted, painted_moved: (B, 3, H, W) on 0-255; shift: (B, 2), at most 8 pixels; WARP_MARGIN inside. Returns a
    scalar: 0 for a painting that holds still, 2 for two unrelated ones. Not in Johnson et al.: without it, flat areas
    boil from frame to frame. Relative, since the plain difference is least for a grey painting.
    """
    inside = slice(WARP_MARGIN, -WARP_MARGIN)
    still, moved = translate(painted, shift)[:, :, inside, inside], painted_moved[:, :, inside, inside]
    difference = (still - moved).pow(2).mean((1, 2, 3))
    # 25 (a deviation of five levels) keeps the share of a painting of one colour a number.
    return (difference / ((variance(still) + variance(moved)) / 2 + 25)).mean()


def variance(pixels: Tensor) -> Tensor:
    """(B,) mean square deviation of each picture's pixels from their own channel's mean; pixels: (B, C, H, W)."""
    return (pixels - pixels.mean((2, 3), keepdim=True)).pow(2).mean((1, 2, 3))
