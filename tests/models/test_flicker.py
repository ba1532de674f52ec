"""Flicker is measured as what is left after the known motion is taken out."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.flicker import CameraMove, film, warping_error


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    torch.manual_seed(1)
    return F.interpolate(torch.rand(1, 3, 24, 30) * 255, size=(160, 200), mode="bicubic").clamp(0, 255)[0]


def test_a_move_by_whole_pixels_has_no_warping_error(picture: torch.Tensor) -> None:
    frames = film(picture, CameraMove("pan", (3.0, -2.0), 0.0), 5, 96, 128)
    assert frames.shape == (5, 3, 96, 128)
    # The frames are rounded to whole levels; positions are the same to within float32.
    assert warping_error(frames, (3.0, -2.0)) < 0.1


def test_a_sub_pixel_move_leaves_only_the_interpolation(picture: torch.Tensor) -> None:
    frames = film(picture, CameraMove("pan", (0.6, 0.25), 0.0), 4, 96, 128)
    assert warping_error(frames, (0.6, 0.25)) < 2
    assert warping_error(frames, (0.0, 0.0)) > 3


def test_static_noise_is_measured_as_it_is(picture: torch.Tensor) -> None:
    grey = torch.full_like(picture, 128.0)
    frames = film(grey, CameraMove("static", (0.0, 0.0), 4.0), 6, 96, 128)
    # The difference of two independent noises.
    assert warping_error(frames, (0.0, 0.0)) == pytest.approx(4 * 2**0.5, rel=0.02)
