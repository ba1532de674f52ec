"""Sizes and turns, without any video."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restyle.domain import ColorTags, VideoInfo
from restyle.media.geometry import (
    Orientation,
    make_upright,
    orientation_of_matrix,
    orientation_of_turn,
    painted_size,
    turn_of,
)

ONE = 1 << 16  # of a display matrix' fixed point


def info(width: int, height: int) -> VideoInfo:
    color = ColorTags(matrix="bt709", primaries="bt709", transfer="bt709")
    return VideoInfo(
        width=width, height=height, sample_aspect=Fraction(1), rotation_deg=0, codec="h264", container="mp4",
        color=color, time_base=Fraction(1, 25), pts=(0,), last_duration=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "max_side", "painted"),
    [
        ((1920, 1080), 640, (640, 360)),
        ((1080, 1920), 640, (360, 640)),
        ((1920, 1080), None, (1920, 1080)),
        ((640, 360), 640, (640, 360)),
        ((161, 91), 200, (161, 91)),
        ((1281, 721), 1280, (1280, 720)),
        ((1000, 10), 100, (100, 2)),
        ((4000, 1), 100, (100, 1)),
    ],
)
def test_painted_size(size: tuple[int, int], max_side: int | None, painted: tuple[int, int]) -> None:
    assert painted_size(info(*size), max_side) == painted


@given(st.integers(1, 8000), st.integers(1, 8000), st.integers(16, 4000))
def test_painted_size_never_enlarges_and_keeps_the_aspect(width: int, height: int, max_side: int) -> None:
    painted = painted_size(info(width, height), max_side)
    assert painted[0] <= width and painted[1] <= height
    assert max(painted) <= max(max_side, 1)
    if painted != (width, height):
        scale = max_side / max(width, height)
        assert abs(painted[0] - width * scale) <= 2 and abs(painted[1] - height * scale) <= 2


def test_every_orientation_has_one_turn_and_back() -> None:
    orientations = [Orientation(*flags) for flags in product((False, True), repeat=3)]
    turns = {turn_of(orientation) for orientation in orientations}
    assert len(turns) == 8
    assert all(orientation_of_turn(*turn_of(orientation)) == orientation for orientation in orientations)


@pytest.mark.parametrize(("rotation_deg", "mirrored"), [*product((0, 90, 180, 270), (False, True))])
def test_a_turn_does_what_its_name_says(rotation_deg: int, mirrored: bool) -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    expected = np.rot90(picture, -rotation_deg // 90)  # numpy turns counterclockwise
    if mirrored:
        expected = expected[:, ::-1]
    upright = make_upright(picture, orientation_of_turn(rotation_deg, mirrored))
    assert np.array_equal(upright, expected)
    assert upright.flags.c_contiguous


@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        (None, (0, False)),
        ((ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), (0, False)),
        ((0, ONE, 0, -ONE, 0, 0, 1080 * ONE, 0, 1 << 30), (90, False)),  # as phones write held upright
        ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), (180, False)),
        ((0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), (270, False)),
        ((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), (0, True)),
        ((65000, 8000, 0, -8000, 65000, 0, 0, 0, 1 << 30), (0, False)),  # 7 degrees: as players, not turned
    ],
)
def test_display_matrices(matrix: tuple[int, ...] | None, turn: tuple[int, bool]) -> None:
    assert turn_of(orientation_of_matrix(matrix)) == turn
