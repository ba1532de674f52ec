"""Frames go to the device and come back: here a processor, whose streams and events do nothing, by the same calls."""

import numpy as np
import torch
from torch import Tensor

from models.staging import Staging
from tests.models.test_inference import frames


def test_what_is_begun_comes_back_in_memory_of_its_own_whatever_becomes_of_its_frames() -> None:
    seen: list[Tensor] = []

    def invert(source: Tensor) -> Tensor:
        seen.append(source)
        return 255 - source

    staging, source = Staging("cpu"), frames(3, 5, 7)
    expected = 255 - source
    first, second = staging.paint(source, invert), staging.paint(source[:1], invert)
    source[:] = 0
    painted = first()
    np.testing.assert_array_equal(painted, expected)
    np.testing.assert_array_equal(second(), expected[:1])
    painted[:] = 7
    np.testing.assert_array_equal(first(), painted)
    assert [tuple(each.shape) for each in seen] == [(3, 3, 5, 7), (1, 3, 5, 7)]
    assert {each.dtype for each in seen} == {torch.uint8}
