"""A convolution with few outputs computed for several pixels at once: three channels fill little of a vector unit."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.runtime import MEMORY_FORMAT

# The best of 1x2 to 4x2: 60 ms instead of 121 (float32, AVX2, 640x360), and 33 instead of 83 in bfloat16 on AVX512. 24
# outputs fill three vectors of eight; a third of all taps is zero.
ROWS, COLUMNS = 4, 2


class InBlocks(nn.Module):
    """The same function as a convolution without padding or stride, whose outputs come in whole blocks of pixels.

    Its kernel is written once for each pixel of a block, moved to that pixel's place in the block's field of view; the
    block's pixels are channels of one convolution with the block's size as its stride.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        weight, bias = convolution.weight, convolution.bias
        assert bias is not None
        outside, inside, height, width = weight.shape
        blocks = weight.new_zeros(ROWS, COLUMNS, outside, inside, height + ROWS - 1, width + COLUMNS - 1)
        for row in range(ROWS):
            for column in range(COLUMNS):
                blocks[row, column, :, :, row : row + height, column : column + width] = weight.detach()
        self.weight = nn.Parameter(blocks.flatten(0, 2).contiguous(memory_format=MEMORY_FORMAT))
        self.bias = nn.Parameter(bias.detach().repeat(ROWS * COLUMNS))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W), of which the convolution makes multiples of ROWS and COLUMNS. Returns what it would."""
        y = F.conv2d(x, self.weight, self.bias, stride=(ROWS, COLUMNS))
        batch, channels, height, width = y.shape
        pixels = y.view(batch, ROWS, COLUMNS, channels // (ROWS * COLUMNS), height, width).permute(0, 3, 4, 1, 5, 2)
        return torch.reshape(pixels, (batch, -1, height * ROWS, width * COLUMNS))
