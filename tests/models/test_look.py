"""The look's arithmetic: known answers for colour, exact sizes for strokes."""

import colorsys

import pytest
import torch
from torch import Tensor

from models.look import keep_source_color, luma, resized, seen_size, to_levels


def pixel(*rgb: float) -> Tensor:
    return torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)


def picture(seed: int) -> Tensor:
    return torch.randint(0, 256, (2, 3, 19, 23), generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize(
    ("source", "painted", "expected"),
    [
        ((100, 100, 100), (255, 0, 0), (76.245, 76.245, 76.245)),  # a grey source stays grey: 0.299 * 255
        ((120, 80, 60), (120, 80, 60), (120, 80, 60)),  # a painting of the source itself
        ((120, 80, 60), (140, 100, 80), (140, 100, 80)),  # 20 brighter: every channel 20 brighter
        ((120, 80, 60), (0, 0, 0), (0, 0, 0)),  # black has no colour
        ((120, 80, 60), (255, 255, 255), (255, 255, 255)),  # nor has white
        # Red of Y 76.245 at Y 200: its chroma is (178.755, -76.245, -76.245), of which (255 - 200) / 178.755 has room.
        ((255, 0, 0), (200, 200, 200), (255, 176.541, 176.541)),
        # Blue of Y 29.07 at Y 10: chroma (-29.07, -29.07, 225.93), of which 10 / 29.07 has room.
        ((0, 0, 255), (10, 10, 10), (0, 0, 87.719)),
    ],
)
def test_kept_colors_are_the_known_ones(source: tuple[int, ...], painted: tuple[int, ...], expected: Tensor) -> None:
    kept = keep_source_color(pixel(*source), pixel(*painted))
    torch.testing.assert_close(kept, pixel(*expected), atol=1e-3, rtol=0)


def test_kept_colors_have_the_paintings_brightness_and_the_sources_hue() -> None:
    source, painted = picture(1), picture(2)
    kept = keep_source_color(source, painted)
    assert -1e-3 <= kept.min() <= kept.max() <= 255 + 1e-3
    torch.testing.assert_close(luma(kept), luma(painted), atol=1e-3, rtol=0)
    before, after = (rgb.permute(0, 2, 3, 1).reshape(-1, 3).tolist() for rgb in (source, kept))
    for was, now in zip(before, after, strict=True):
        if max(now) - min(now) > 1:
            turn = abs(colorsys.rgb_to_hsv(*was)[0] - colorsys.rgb_to_hsv(*now)[0])
            assert min(turn, 1 - turn) < 1e-3


def test_colors_of_a_painting_do_not_show_where_the_sources_are_kept() -> None:
    source, painted = picture(3), picture(4)
    grey = luma(painted).expand(-1, 3, -1, -1)
    torch.testing.assert_close(keep_source_color(source, painted), keep_source_color(source, grey), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("height", "width", "stroke", "expected"),
    [(720, 1280, 2.0, (360, 640)), (720, 1280, 0.5, (1440, 2560)), (101, 33, 1.5, (67, 22)), (1, 1, 2.0, (1, 1))],
)
def test_broader_strokes_are_a_smaller_frame(height: int, width: int, stroke: float, expected: tuple[int, int]) -> None:
    assert seen_size(height, width, stroke) == expected


def test_resizing_keeps_a_flat_picture_and_its_range() -> None:
    flat = torch.full((1, 3, 17, 9), 200.0)
    torch.testing.assert_close(resized(flat, 40, 31), torch.full((1, 3, 40, 31), 200.0))
    edges = torch.zeros(1, 3, 8, 8)
    edges[..., 4:] = 255
    larger = resized(edges, 32, 32)  # bicubic alone would overshoot on both sides
    assert (float(larger.min()), float(larger.max())) == (0, 255)


def test_shrinking_does_not_alias() -> None:
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[..., ::2] = 255
    smaller = resized(stripes, 16, 16)[..., 2:-2]
    torch.testing.assert_close(smaller, torch.full_like(smaller, 127.5), atol=8, rtol=0)


def test_levels_are_rounded_and_clamped() -> None:
    assert to_levels(torch.tensor([-3.0, 0.4, 0.6, 254.6, 300.0])).tolist() == [0, 0, 1, 255, 255]
