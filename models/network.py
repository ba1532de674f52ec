"""The feed-forward painter: one pass of this network paints a picture.

Johnson, Alahi and Fei-Fei 2016, with instance norm (Ulyanov et al. 2016). Tensor names and shapes are
those of the well-known fast-neural-style checkpoints, so that those load.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

# Two stride-2 convolutions: pictures whose sides are multiples of this come out at their own size.
SIZE_MULTIPLE = 4
# Reflection padding by 4 at full size and by 1 at a quarter of it must stay inside the picture.
MIN_SIDE = 8


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
    kernel for it (7 times faster than instance_norm in bfloat16 on a CPU).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns the same shape and dtype."""
        if torch.is_grad_enabled():
            return TrainedInstanceNorm.apply(x, self.weight.to(x.dtype), self.bias.to(x.dtype))  # type: ignore[no-any-return]
        return F.group_norm(x, self.weight.shape[0], self.weight.to(x.dtype), self.bias.to(x.dtype), 1e-5)


class ConvLayer(nn.Module):
    """Convolution with reflection padding, after nearest upsampling where ``upsample`` is more than 1.

    Johnson et al. pad the input once with 40 pixels and use transposed convolutions; padding each layer keeps
    sizes, and upsampling first avoids their checkerboard (Odena et al. 2016).
    """

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, upsample: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inside, outside, kernel, stride)
        self.pad = kernel // 2
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns (B, C', H * upsample / stride, W * upsample / stride), rounded up."""
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        return self.conv2d(F.pad(x, [self.pad] * 4, mode="reflect"))  # type: ignore[no-any-return]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside an identity; no ReLU after the sum (Gross and Wilber 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvLayer(channels, channels, 3)
        self.in1 = InstanceNorm(channels)
        self.conv2 = ConvLayer(channels, channels, 3)
        self.in2 = InstanceNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns the same shape."""
        y = F.relu(self.in1(self.conv1(x)))
        return x + self.in2(self.conv2(y))  # type: ignore[no-any-return]


class TransformerNet(nn.Module):
    """RGB on 0-255 in, RGB on about 0-255 out (not clamped)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.in1 = ConvLayer(3, 32, 9), InstanceNorm(32)
        self.conv2, self.in2 = ConvLayer(32, 64, 3, stride=2), InstanceNorm(64)
        self.conv3, self.in3 = ConvLayer(64, 128, 3, stride=2), InstanceNorm(128)
        self.res1 = ResidualBlock(128)
        self.res2 = ResidualBlock(128)
        self.res3 = ResidualBlock(128)
        self.res4 = ResidualBlock(128)
        self.res5 = ResidualBlock(128)
        self.deconv1, self.in4 = ConvLayer(128, 64, 3, upsample=2), InstanceNorm(64)
        self.deconv2, self.in5 = ConvLayer(64, 32, 3, upsample=2), InstanceNorm(32)
        self.deconv3 = ConvLayer(32, 3, 9)

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (B, 3, H, W), sides multiples of SIZE_MULTIPLE and at least MIN_SIDE. Returns the same shape."""
        x = F.relu(self.in1(self.conv1(pixels)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        x = self.res5(self.res4(self.res3(self.res2(self.res1(x)))))
        x = F.relu(self.in4(self.deconv1(x)))
        x = F.relu(self.in5(self.deconv2(x)))
        return self.deconv3(x)  # type: ignore[no-any-return]
