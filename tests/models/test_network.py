"""The network is the public one, by names, shapes and results."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from models.initial import copying_network
from models.network import ARCHITECTURES, Architecture, InstanceNorm, TransformerNet, UpsampledConv
from tests.models.public_network import PublicNet


def test_network_agrees_with_an_independent_public_implementation() -> None:
    torch.manual_seed(3)
    public = PublicNet()
    for parameter in public.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    network = TransformerNet()
    network.load_state_dict(public.state_dict())
    pixels = torch.rand(2, 3, 48, 64) * 255
    with torch.inference_mode():
        torch.testing.assert_close(network(pixels), public(pixels), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("bilinear", "outermost"), [(False, 0), (True, 1)])
def test_an_upsampled_convolution_is_that_of_the_enlarged_picture(bilinear: bool, outermost: int) -> None:
    torch.manual_seed(8)
    layer = UpsampledConv(5, 3, bilinear)
    x = torch.randn(2, 5, 9, 7)
    enlarged = F.interpolate(x, scale_factor=2, mode="bilinear" if bilinear else "nearest")
    with torch.inference_mode():
        found, expected = layer(x), layer.conv2d(F.pad(enlarged, [1] * 4, mode="reflect"))
    inside = slice(outermost, -outermost or None)
    torch.testing.assert_close(found[..., inside, inside], expected[..., inside, inside], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_strips_are_joined_to_what_the_whole_frame_gives(
    architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = copying_network(3, architecture).to(memory_format=torch.channels_last)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    pixels = (torch.rand(2, 3, 76, 92) * 255).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        whole = network(pixels)
    monkeypatch.setattr("models.network.STRIP_BYTES", 1)  # the least strips: of eight rows
    monkeypatch.setattr("models.network.WHOLE_BYTES", 1)
    with torch.inference_mode():
        strips = network(pixels)
    torch.testing.assert_close(strips, whole, rtol=1e-4, atol=1e-3)


def test_instance_norm_equals_torchs_in_inference_and_training() -> None:
    torch.manual_seed(4)
    norm = InstanceNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = (torch.randn(3, 6, 9, 7) * 4 + 2).contiguous(memory_format=torch.channels_last).requires_grad_()
    expected = F.instance_norm(x, weight=norm.weight, bias=norm.bias)
    with torch.inference_mode():
        torch.testing.assert_close(norm(x.detach().clone()), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm(x), expected, rtol=1e-4, atol=1e-4)


def test_instance_norms_gradients_are_torchs() -> None:
    torch.manual_seed(5)
    norm = InstanceNorm(6)
    torch.nn.init.normal_(norm.weight)
    x = (torch.randn(3, 6, 9, 7) * 4 + 2).requires_grad_()
    toward = torch.randn(3, 6, 9, 7)
    inputs = (x, norm.weight, norm.bias)
    expected = torch.autograd.grad(F.instance_norm(x, weight=norm.weight, bias=norm.bias), inputs, toward)
    for found, wanted in zip(torch.autograd.grad(norm(x), inputs, toward), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_a_copying_network_begins_with_the_picture_it_is_given() -> None:
    torch.manual_seed(6)
    coarse = torch.rand(1, 3, 8, 8) * 255
    pixels = F.interpolate(coarse, size=(128, 128), mode="bicubic").clamp(0, 255)
    with torch.inference_mode():
        painted = copying_network(seed=1)(pixels)
    both = torch.stack([painted.flatten(), pixels.flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.9
