"""Sizes and turns of a picture: how large it is painted, and how stored rows and columns become an upright frame."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:  # the decoder process needs the turns alone and starts faster without the domain types
    from numpy.typing import NDArray

    from restyle.domain import VideoInfo


class Orientation(NamedTuple):
    """What makes a stored picture upright: exchange rows and columns first, then flip."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False


# (clockwise turn in degrees, mirrored afterwards) of each orientation
_TURNS = {
    Orientation(): (0, False),
    Orientation(flip_x=True): (0, True),
    Orientation(flip_x=True, flip_y=True): (180, False),
    Orientation(flip_y=True): (180, True),
    Orientation(transpose=True, flip_x=True): (90, False),
    Orientation(transpose=True): (90, True),
    Orientation(transpose=True, flip_y=True): (270, False),
    Orientation(transpose=True, flip_x=True, flip_y=True): (270, True),
}


def orientation_of_matrix(matrix: Sequence[int] | None) -> Orientation:
    """The orientation nearest to a display matrix (ISO 14496-12: x' = a x + c y, y' = b x + d y, rows a b u, c d v).

    matrix: 9 numbers or None. A turn that is no multiple of 90 degrees, which players ignore too, is rounded.
    """
    if matrix is None:
        return Orientation()
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, c < 0, b < 0)
    return Orientation(False, a < 0, d < 0)


def turn_of(orientation: Orientation) -> tuple[int, bool]:
    """Clockwise degrees (0, 90, 180, 270) and whether the result is mirrored left to right afterwards."""
    return _TURNS[orientation]


def orientation_of_turn(rotation_deg: int, mirrored: bool) -> Orientation:
    """The inverse of turn_of."""
    return next(o for o, turn in _TURNS.items() if turn == (rotation_deg, mirrored))


def make_upright(picture: NDArray[np.uint8], orientation: Orientation) -> NDArray[np.uint8]:
    """picture: (H, W, C). Returns it transposed and flipped, contiguous."""
    if orientation.transpose:
        picture = picture.transpose(1, 0, 2)
    return np.ascontiguousarray(picture[:: -1 if orientation.flip_y else 1, :: -1 if orientation.flip_x else 1])


def painted_size(info: VideoInfo, max_side: int | None) -> tuple[int, int]:
    """Width and height, in pixels, in which frames of this video are painted.

    The longer side becomes at most max_side and the aspect is kept; nothing is ever enlarged. A size that has to
    change is rounded to even numbers, which every codec takes; one that stays may be odd.
    """
    if max_side is None or max(info.width, info.height) <= max_side:
        return info.width, info.height
    scale = Fraction(max_side, max(info.width, info.height))
    return _even(info.width, scale, max_side), _even(info.height, scale, max_side)


def _even(side: int, scale: Fraction, max_side: int) -> int:
    nearest = 2 * round(side * scale / 2)
    return max(1, min(max(nearest, 2), side, max_side - max_side % 2))
