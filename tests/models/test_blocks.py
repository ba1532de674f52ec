"""Computed in blocks, a convolution is the same function."""

import pytest
import torch
from torch import nn

from models.blocks import BLOCK, InBlocks


@pytest.mark.parametrize("block", BLOCK.values())
@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (24, 36)])
def test_blocks_are_what_the_convolution_gives(height: int, width: int, block: tuple[int, int]) -> None:
    torch.manual_seed(height)
    plain = nn.Conv2d(5, 3, 9)
    x = torch.randn(2, 5, height + 8, width + 8)
    with torch.inference_mode():
        expected, found = plain(x), InBlocks(plain, block)(x)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
