"""Blends paintings along the motion of their frames: flow by Lucas and Kanade, and where it can be trusted."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.look import luma

# Flow is estimated on frames brought within this many pixels: motion is smooth, and time grows with pixels.
FLOW_SIDE = 320
COARSEST_SIDE = 16
ITERATIONS = 3
WINDOW = 9
# Added to the squared gradients of a window: flat parts, which say nothing of their motion, keep that of the coarser
# level.
RIDGE = 4.0
# Mean difference, in grey levels, of a window of the frame and the moved frame before: up to the first it is noise (a
# sensor's with a deviation of 4 gives 3), from the second on it is something else.
TRUSTED, REFUSED = 6.0, 16.0
CHECKED = 5


class Smoother:
    """Holds the frame and the painting before, and blends what they say of the next one into its painting."""

    def __init__(self, carried: float) -> None:
        """carried: share of the painting before in each next one, where the motion is known; 0..1, less than 1."""
        self._carried = carried
        self._before: tuple[Tensor, Tensor] | None = None

    def __call__(self, frame: Tensor, painted: Tensor) -> Tensor:
        """frame, painted: (1, 3, H, W) float on 0-255, the next of a clip. Returns the painting to show."""
        if self._before is not None:
            last, shown = self._before
            motion = flow(last, frame)
            share = self._carried * trust(last, frame, motion)
            painted = torch.lerp(painted, warp(shown, motion).clamp(0, 255), share)
        self._before = frame, painted
        return painted


def flow(before: Tensor, after: Tensor) -> Tensor:
    """Where each pixel of a frame was in the frame before: after[y, x] = before[y + dy, x + dx].

    before, after: (B, 3, H, W) float on 0-255. Returns (B, 2, H, W) as (dx, dy) in pixels. Lucas and Kanade 1981, from
    coarse to fine, with a window round every pixel.
    """
    height, width = before.shape[2:]
    pairs = _pyramid(luma(before), luma(after))
    motion = before.new_zeros(len(before), 2, *pairs[0][0].shape[2:])
    for then, now in pairs:
        motion = _scaled(motion, *then.shape[2:])
        for _ in range(ITERATIONS):
            motion = motion + _correction(warp(then, motion), now)
        motion = _mean(motion, CHECKED)
    return _scaled(motion, height, width)


def trust(before: Tensor, after: Tensor, motion: Tensor) -> Tensor:
    """How far the motion explains each pixel, (B, 1, H, W) within 0..1: 0 where something new is seen."""
    difference = _mean((luma(warp(before, motion)) - luma(after)).abs(), CHECKED)
    known = ((REFUSED - difference) / (REFUSED - TRUSTED)).clamp(0, 1)
    # An object's edge is doubted as far as the window of the check reaches.
    known = -F.max_pool2d(-known, CHECKED, 1, CHECKED // 2)
    inside = _positions(motion).abs().amax(1, keepdim=True) <= 1
    return known * inside


def warp(picture: Tensor, motion: Tensor) -> Tensor:
    """out[y, x] = picture[y + dy, x + dx], bicubic, the border repeated. (B, C, H, W) and (B, 2, H, W) in pixels."""
    grid = _positions(motion).permute(0, 2, 3, 1)
    return F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)


def _positions(motion: Tensor) -> Tensor:
    """Where each pixel comes from, (B, 2, H, W), -1..1 being from border to border."""
    height, width = motion.shape[2:]
    size = motion.new_tensor([width, height]).view(1, 2, 1, 1)
    rows, columns = (torch.arange(side, device=motion.device, dtype=motion.dtype) + 0.5 for side in (height, width))
    here = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))
    return 2 * (here + motion) / size - 1


def _pyramid(before: Tensor, after: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Both pictures at sizes doubling from the coarsest on."""
    height, width = before.shape[2:]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    levels: list[tuple[Tensor, Tensor]] = []
    while not levels or min(height, width) * scale >= COARSEST_SIDE:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        then, now = (F.interpolate(p, size=size, mode="bilinear", antialias=True) for p in (before, after))
        levels.append((then, now))
        scale /= 2
    return levels[::-1]


def _scaled(motion: Tensor, height: int, width: int) -> Tensor:
    factors = motion.new_tensor([width / motion.shape[3], height / motion.shape[2]]).view(1, 2, 1, 1)
    return F.interpolate(motion, size=(height, width), mode="bilinear") * factors


def _correction(moved: Tensor, now: Tensor) -> Tensor:
    """The step that brings `moved` nearer to `now`, at most a pixel: least squares in each window."""
    padded = F.pad(moved, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    left = now - moved
    products = torch.cat([across**2, down**2, across * down, across * left, down * left], 1)
    xx, yy, xy, xt, yt = torch.split(_mean(products, WINDOW), 1, dim=1)
    xx, yy = xx + RIDGE, yy + RIDGE
    step = torch.cat([yy * xt - xy * yt, xx * yt - xy * xt], 1) / (xx * yy - xy * xy)
    return step.clamp(-1, 1)


def _mean(values: Tensor, window: int) -> Tensor:
    return F.avg_pool2d(values, window, 1, window // 2, count_include_pad=False)
