"""VGG16 up to relu4_3, the frozen network through which the perceptual losses look at pictures."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

WEIGHTS_PATH = Path(__file__).with_name("weights") / "vgg16_features.safetensors"
# Name, channels in, channels out: configuration D of Simonyan and Zisserman 2014, up to its fourth block.
CONVOLUTIONS = (
    ("conv1_1", 3, 64),
    ("conv1_2", 64, 64),
    ("conv2_1", 64, 128),
    ("conv2_2", 128, 128),
    ("conv3_1", 128, 256),
    ("conv3_2", 256, 256),
    ("conv3_3", 256, 256),
    ("conv4_1", 256, 512),
    ("conv4_2", 512, 512),
    ("conv4_3", 512, 512),
)
# The four layers Johnson et al. 2016 take for style; they take relu2_2 or relu3_3 of these for content.
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
MEAN_RGB = (123.68, 116.779, 103.939)


class Vgg16Features(nn.Module):
    """Features of RGB pictures; frozen, so that gradients reach the pictures and nothing else.

    Padded by replication where the published network pads with zeros: zeros look like a frame around the picture,
    and a painter trained through them learns to draw a dotted fringe along its borders.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, inside, outside in CONVOLUTIONS:
            self.add_module(name, nn.Conv2d(inside, outside, 3, padding=1, padding_mode="replicate"))
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the convolutions; their inputs are brought to it."""
        return next(self.parameters()).dtype

    def forward(self, pixels: Tensor, last: str = LAYERS[-1]) -> dict[str, Tensor]:
        """The activations of LAYERS up to ``last``, each (B, C, H/k, W/k) for k = 1, 2, 4, 8.

        pixels: (B, 3, H, W) RGB on 0-255, H and W at least 16.
        """
        features: dict[str, Tensor] = {}
        # The published weights expect BGR.
        x = (pixels - self.mean).flip(1).to(self.dtype)
        for name, _, _ in CONVOLUTIONS:
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(self.get_submodule(name)(x))
            layer = name.replace("conv", "relu")
            if layer in LAYERS:
                features[layer] = x
            if layer == last:
                break
        return features


def load_vgg(path: Path = WEIGHTS_PATH) -> Vgg16Features:
    """The published ImageNet weights, kept in float16 and used in float32."""
    network = Vgg16Features()
    state: Mapping[str, Tensor] = {name: tensor.float() for name, tensor in load_file(path).items()}
    network.load_state_dict(dict(state))
    return network.eval().to(memory_format=torch.channels_last)
