"""The feed-forward painter: one pass of this network paints a picture.

Johnson, Alahi and Fei-Fei 2016, with instance norm (Ulyanov et al. 2016). Tensor names and shapes are
those of the well-known fast-neural-style checkpoints, so that those load.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.noise import without_noise

Architecture = Literal["johnson2016", "johnson2016-calm", "johnson2016-calm-light"]
"""The public network, and this project's variants of it, whose paintings hold still: they see the frame without its
noise (``without_noise``), and upsample bilinearly, so that their strokes follow motions finer than the four pixels of
their inner grid. The calm one has the public one's tensors. The light one has half the channels, separable convolutions
in its residual blocks, and smaller kernels at full size: a tenth of the operations."""
TRAINED: Architecture = "johnson2016-calm"
FAST: Architecture = "johnson2016-calm-light"
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)

# Two stride-2 convolutions: pictures whose sides are multiples of this come out at their own size.
SIZE_MULTIPLE = 4
# Reflection padding by 4 at full size and by 1 at a quarter of it must stay inside the picture.
MIN_SIDE = 8

# What a convolution reads is worked at in strips of so much, where it is more than that.
STRIP_BYTES, WHOLE_BYTES = 8 * 2**20, 32 * 2**20


class TrainedInstanceNorm(torch.autograd.Function):
    """Instance norm with a backward pass in plain tensor arithmetic, 3 to 5 times as fast as group norm's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """x: (B, C, H, W); weight, bias: (C,) of the same dtype. Returns x's shape. ``ctx`` has no public type."""
        batch, channels, height, width = x.shape
        y, mean, rstd = torch.native_group_norm(x, weight, bias, batch, channels, height * width, channels, 1e-5)
        ctx.save_for_backward(x, weight, mean.float(), rstd.float())
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The derivative of (x - mean) * rstd * weight + bias; sums over a channel in float32."""
        x, weight, mean, rstd = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        count = x.shape[2] * x.shape[3]
        grad_sum = grad.sum((2, 3), dtype=torch.float32)
        grad_dot_normed = ((grad * x).sum((2, 3), dtype=torch.float32) - mean * grad_sum) * rstd
        scale = rstd * weight.float()
        slope = -scale * rstd * grad_dot_normed / count
        offset = -scale * grad_sum / count - slope * mean
        scale, slope, offset = (t.to(x.dtype)[:, :, None, None] for t in (scale, slope, offset))
        grad_x = torch.addcmul(grad * scale + offset, x, slope)
        return grad_x, grad_dot_normed.sum(0).to(weight.dtype), grad_sum.sum(0).to(weight.dtype)


class InstanceNorm(nn.Module):
    """Instance norm with learned scale and shift, without running statistics.

    Computed as group norm with one channel a group: the same function, and torch has a channels_last
    kernel for it (7 times faster than instance_norm in bfloat16 on a CPU). A processor that paints in
    float32 writes over what it is given: a frame of full size is then held once.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W), not used after this. Returns the same shape and dtype."""
        if torch.is_grad_enabled():
            return TrainedInstanceNorm.apply(x, self.weight.to(x.dtype), self.bias.to(x.dtype))  # type: ignore[no-any-return]
        begins = strips(x, x[:, :, 0].numel() * x.element_size(), x.shape[2])
        if len(begins) > 1 and x.dtype == torch.float32:
            return self._over(x, torch.split(x, begins.step, 2))
        return F.group_norm(x, self.weight.shape[0], self.weight.to(x.dtype), self.bias.to(x.dtype), 1e-5)

    def _over(self, x: Tensor, parts: Sequence[Tensor]) -> Tensor:
        """The same, part by part and in place; deviations are squared once the mean is known, as group norm does."""
        count = x.shape[2] * x.shape[3]
        mean = torch.stack([part.sum((2, 3), keepdim=True) for part in parts]).sum(0) / count
        squares = torch.stack([part.sub_(mean).square().sum((2, 3), keepdim=True) for part in parts]).sum(0)
        scale = self.weight[:, None, None] * torch.rsqrt(squares / count + 1e-5)
        for part in parts:
            torch.addcmul(self.bias[:, None, None], part, scale, out=part)
        return x


class ConvLayer(nn.Module):
    """Convolution with reflection padding (Johnson et al. pad the input once, with 40 pixels; this keeps sizes).

    A processor paints in strips: of what is padded, only a strip's rows are there at a time.
    """

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inside, outside, kernel, stride)
        self.outside = outside
        self.kernel = kernel
        self.stride = stride
        self.pad = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns (B, C', H / stride, W / stride), rounded up."""
        batch, channels, height, width = x.shape
        rows, columns = -(-height // self.stride), -(-width // self.stride)
        row_bytes = batch * channels * width * self.stride * x.element_size()
        return in_strips(x, (batch, self.outside, rows, columns), row_bytes, self._strip)

    def _strip(self, x: Tensor, first: int, last: int) -> Tensor:
        """The rows from ``first`` to before ``last`` of what comes out."""
        height = x.shape[2]
        above, below = first * self.stride - self.pad, (last - 1) * self.stride - self.pad + self.kernel
        margins = [self.pad, self.pad, max(-above, 0), max(below - height, 0)]
        seen = F.pad(x[:, :, max(above, 0) : min(below, height)], margins, mode="reflect")
        return self.conv2d(seen)  # type: ignore[no-any-return]


class UpsampledConv(nn.Module):
    """A 3x3 convolution of the picture enlarged to twice its size, worked at before it is enlarged.

    Enlarging avoids the checkerboard of Johnson et al.'s transposed convolutions (Odena et al. 2016). Where pixels are
    repeated, three neighbours are two pixels: each of the four phases of what comes out is a 2x2 convolution, with less
    than half of the operations. Enlarging bilinearly is repeating and then blurring by (1, 2, 1)/4, and a blur comes
    last as well as first, except in the outermost pixels.
    """

    def __init__(self, inside: int, outside: int, bilinear: bool) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inside, outside, 3)
        self.outside = outside
        self.bilinear = bilinear

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns (B, C', 2 H, 2 W)."""
        batch, _, height, width = x.shape
        kernel, bias = phases(self.conv2d.weight), self.conv2d.bias.repeat(4)  # type: ignore[union-attr]
        blur = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
        blur = (blur[:, None] * blur).expand(self.outside, 1, 3, 3)

        def strip(x: Tensor, first: int, last: int) -> Tensor:
            # A window over rows p - 1 and p, and columns alike, gives the rows 2 p - 1 and 2 p of what comes out.
            begin, end = first // 2, last // 2
            margins = [1, 1, int(begin == 0), int(end == height)]
            seen = F.pad(x[:, :, max(begin - 1, 0) : end + 1], margins, mode="replicate")
            painted = interleaved(F.conv2d(seen, kernel, bias))
            return F.conv2d(painted, blur, groups=self.outside) if self.bilinear else painted[:, :, 1:-1, 1:-1]

        row_bytes = 2 * batch * self.outside * 2 * width * x.element_size()
        return in_strips(x, (batch, self.outside, 2 * height, 2 * width), row_bytes, strip)


def phases(weight: Tensor) -> Tensor:
    """The 2x2 kernels that do on a picture what a 3x3 one does on it with each pixel repeated, by row, column, channel.

    weight: (O, I, 3, 3). Returns (4 O, I, 2, 2): for odd rows the first two taps meet the same pixel, for even ones the
    last two.
    """

    def halved(weight: Tensor, dim: int) -> Tensor:
        first, second, third = weight.unbind(dim)
        return torch.stack([torch.stack([first + second, third], dim), torch.stack([first, second + third], dim)])

    # (column, row, O, I, 2, 2)
    return halved(halved(weight, 2), 4).transpose(0, 1).flatten(0, 2).contiguous(memory_format=torch.channels_last)


def interleaved(x: Tensor) -> Tensor:
    """(B, 4 C, H, W), whose channels are phases by row, column, channel, as (B, C, 2 H, 2 W); channels last."""
    batch, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(batch, height, width, 2, channels // 2).transpose(2, 3)
    return rows.reshape(batch, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def in_strips(
    x: Tensor, shape: tuple[int, int, int, int], row_bytes: int, strip: Callable[[Tensor, int, int], Tensor]
) -> Tensor:
    """What ``strip`` makes of x, from a row to before another, put together to ``shape``."""
    begins = strips(x, row_bytes, shape[2])
    if len(begins) == 1:
        return strip(x, 0, shape[2])
    painted = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
    for first in begins:
        last = min(first + begins.step, shape[2])
        painted[:, :, first:last] = strip(x, first, last)
    return painted


def strips(x: Tensor, row_bytes: int, rows: int) -> range:
    """Where the strips begin in which ``rows``, whose input takes so many bytes each, are worked at.

    One, where all is small, and where no processor paints: one that learns keeps everything anyway. A compiler decides
    itself what is there at a time. A strip's rows are a multiple of four, as models/blocks.py wants.
    """
    if x.device.type != "cpu" or torch.compiler.is_compiling() or not torch.is_inference_mode_enabled():
        return range(0, rows, rows)
    if row_bytes * rows < WHOLE_BYTES:
        return range(0, rows, rows)
    return range(0, rows, max(8, STRIP_BYTES // row_bytes // 4 * 4))


class SeparableConv(nn.Module):
    """A 3x3 convolution of each channel by itself, then one of all channels of a pixel (Howard et al. 2017, 3.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns the same shape."""
        return self.pointwise(self.depthwise(F.pad(x, [1] * 4, mode="reflect")))  # type: ignore[no-any-return]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside an identity; no ReLU after the sum (Gross and Wilber 2016)."""

    def __init__(self, channels: int, separable: bool) -> None:
        super().__init__()
        self.conv1 = SeparableConv(channels) if separable else ConvLayer(channels, channels, 3)
        self.in1 = InstanceNorm(channels)
        self.conv2 = SeparableConv(channels) if separable else ConvLayer(channels, channels, 3)
        self.in2 = InstanceNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns the same shape."""
        y = F.relu(self.in1(self.conv1(x)), inplace=True)
        return x + self.in2(self.conv2(y))  # type: ignore[no-any-return]


class TransformerNet(nn.Module):
    """RGB on 0-255 in, RGB on about 0-255 out (not clamped)."""

    def __init__(self, architecture: Architecture = "johnson2016") -> None:
        super().__init__()
        self.calm = architecture != "johnson2016"
        light = architecture == FAST
        few, more, most = (16, 32, 64) if light else (32, 64, 128)
        self.conv1, self.in1 = ConvLayer(3, few, 5 if light else 9), InstanceNorm(few)
        self.conv2, self.in2 = ConvLayer(few, more, 3, stride=2), InstanceNorm(more)
        self.conv3, self.in3 = ConvLayer(more, most, 3, stride=2), InstanceNorm(most)
        self.res1 = ResidualBlock(most, light)
        self.res2 = ResidualBlock(most, light)
        self.res3 = ResidualBlock(most, light)
        self.res4 = ResidualBlock(most, light)
        self.res5 = ResidualBlock(most, light)
        self.deconv1, self.in4 = UpsampledConv(most, more, self.calm), InstanceNorm(more)
        self.deconv2, self.in5 = UpsampledConv(more, few, self.calm), InstanceNorm(few)
        self.deconv3 = ConvLayer(few, 3, 7 if light else 9)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (B, 3, H, W), sides multiples of SIZE_MULTIPLE and at least MIN_SIDE. Returns the same shape."""
        x = without_noise(pixels) if self.calm else pixels
        x = F.relu(self.in1(self.conv1(x)), inplace=True)
        x = F.relu(self.in2(self.conv2(x)), inplace=True)
        x = F.relu(self.in3(self.conv3(x)), inplace=True)
        x = self.res5(self.res4(self.res3(self.res2(self.res1(x)))))
        x = F.relu(self.in4(self.deconv1(x)), inplace=True)
        x = F.relu(self.in5(self.deconv2(x)), inplace=True)
        return self.deconv3(x)  # type: ignore[no-any-return]
