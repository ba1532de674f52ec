"""Measures how painted frames boil: warping error on clips whose motion is known exactly."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.losses import WARP_MARGIN, translate


@dataclass(frozen=True)
class CameraMove:
    """A camera over a still photograph, at constant speed, with a sensor's noise."""

    name: str
    velocity: tuple[float, float]
    """(dx, dy) in pixels a frame"""
    noise: float
    """standard deviation in grey levels of 255, new in every frame"""


MOVES = (
    CameraMove("static, noise", (0.0, 0.0), 4.0),
    CameraMove("pan 3 px", (3.0, 1.0), 0.0),
    CameraMove("pan 0.6 px, noise", (0.6, 0.25), 2.0),
    CameraMove("pan 2.3 px, noise", (2.3, -1.3), 2.0),
)


def film(picture: Tensor, move: CameraMove, count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Frames of a move that begins in the middle of a picture less half its way.

    picture: (3, H, W) on 0-255, larger than the frame by the way of the camera. Returns (count, 3, height, width)
    float32 on 0-255, rounded to whole levels as a camera's are.
    """
    random = torch.Generator().manual_seed(seed)
    velocity = torch.tensor(move.velocity)
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    frames = []
    for index in range(count):
        shift = velocity * (index - (count - 1) / 2)
        seen = translate(picture[None].float(), shift[None])[:, :, top : top + height, left : left + width]
        frames.append(seen + move.noise * torch.randn(seen.shape, generator=random))
    return torch.cat(frames).round().clamp(0, 255)


def warping_error(painted: Tensor, velocity: tuple[float, float]) -> float:
    """Root mean square between each frame and the one before it moved along, in grey levels of 255.

    painted: (N, 3, H, W) on 0-255, N at least 2; velocity: (dx, dy) in pixels a frame, known, not estimated. What lies
    WARP_MARGIN and the way of one frame from a border is left out.
    """
    before, after = painted[:-1].float(), painted[1:].float()
    margin = WARP_MARGIN + int(max(abs(v) for v in velocity))
    difference = translate(before, torch.tensor([velocity]).expand(len(before), 2)) - after
    return float(difference[:, :, margin:-margin, margin:-margin].pow(2).mean().sqrt())
