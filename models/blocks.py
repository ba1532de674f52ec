"""A convolution with few outputs computed for several pixels at once: three channels fill little of a vector unit."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.runtime import MEMORY_FORMAT

# The best of 1x2 to 8x2, one thread, 640x360: of 4x2 pixels 60 ms instead of 121 in float32 on AVX2, where 24 outputs
# fill three vectors of eight; of 2x2 pixels 27 instead of 83 (and 33 of 4x2) in bfloat16 on AVX512, of sixteen.
BLOCK = {"float32": (4, 2), "bfloat16": (2, 2)}


class InBlocks(nn.Module):
    """The same function as a convolution without padding or stride, whose outputs come in whole blocks of pixels.

    Its kernel is written once for each pixel of a block, moved to that pixel's place in the block's field of view; the
    block's pixels are channels of one convolution with the block's size as its stride.
    """

    def __init__(self, convolution: nn.Conv2d, block: tuple[int, int]) -> None:
        """block: its rows and columns."""
        super().__init__()
        self.block = rows, columns = block
        weight, bias = convolution.weight, convolution.bias
        assert bias is not None
        outside, inside, height, width = weight.shape
        blocks = weight.new_zeros(rows, columns, outside, inside, height + rows - 1, width + columns - 1)
        for row in range(rows):
            for column in range(columns):
                blocks[row, column, :, :, row : row + height, column : column + width] = weight.detach()
        self.weight = nn.Parameter(blocks.flatten(0, 2).contiguous(memory_format=MEMORY_FORMAT))
        self.bias = nn.Parameter(bias.detach().repeat(rows * columns))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W), of which the convolution makes whole blocks. Returns what it would."""
        rows, columns = self.block
        y = F.conv2d(x, self.weight, self.bias, stride=self.block)
        batch, channels, height, width = y.shape
        pixels = y.view(batch, rows, columns, channels // (rows * columns), height, width).permute(0, 3, 4, 1, 5, 2)
        return torch.reshape(pixels, (batch, -1, height * rows, width * columns))
