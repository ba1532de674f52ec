"""The weights a training begins from where no style is at hand: a network that already copies pictures, blurred."""

import torch
from torch import Tensor, nn

from models.network import TRAINED, Architecture, InstanceNorm, ResidualBlock, TransformerNet

# Binomial blur: what a stride of 2 leaves of a picture without aliasing.
BLUR = torch.tensor([1.0, 2.0, 1.0]).outer(torch.tensor([1.0, 2.0, 1.0])) / 16
# Channels 0-2 carry red, green, blue above their means, 3-5 what is below: a ReLU passes only positive numbers.
SIGNED = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])


def copying_network(seed: int, architecture: Architecture = TRAINED) -> TransformerNet:
    """Random weights (torch's defaults) through which six channels of each layer carry the picture at a quarter size.

    Not in Johnson et al.: from random weights alone the network spends its first hundreds of steps learning to see.
    """
    torch.manual_seed(seed)
    network = TransformerNet(architecture)
    with torch.no_grad():
        carry(network.conv1.conv2d, torch.cat([torch.eye(3), -torch.eye(3)]), torch.ones(1, 1))
        passing = torch.kron(SIGNED, torch.eye(3))
        for layer in (network.conv2, network.conv3, network.deconv1, network.deconv2):
            carry(layer.conv2d, passing, BLUR)
        carry(network.deconv3.conv2d, passing[:3], torch.ones(1, 1))
        for block in network.children():
            if isinstance(block, ResidualBlock):
                quiet(block.in2)
    return network


def carry(convolution: nn.Conv2d, mix: Tensor, kernel: Tensor) -> None:
    """Make the first output channels ``mix`` times the first input channels, seen through ``kernel``.

    mix: (outputs, inputs); kernel: (k, k), centred. The weights that were there stay for all other channels.
    """
    outputs, inputs = mix.shape
    size, side = convolution.kernel_size[0], kernel.shape[0]
    inside = slice((size - side) // 2, (size + side) // 2)
    convolution.weight[:outputs] *= 0.1
    convolution.weight[:outputs, :inputs] = 0
    convolution.weight[:outputs, :inputs, inside, inside] = mix[:, :, None, None] * kernel


def quiet(norm: InstanceNorm) -> None:
    """Let a residual block begin as a small correction (Goyal et al. 2017 begin with none)."""
    norm.weight.fill_(0.1)
