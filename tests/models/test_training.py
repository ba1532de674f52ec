"""Training learns, survives being stopped, and gives what the public network can load."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from models.initial import copying_network
from models.network import TRAINED, TransformerNet
from models.photographs import MARGIN, draw_crops, read_photographs, read_picture
from models.training import Recipe, TrainingState, paint, shippable, stability_at, train, trainable
from models.vgg import LAYERS, load_vgg
from restyle.errors import TrainingDiverged
from tests.models.public_network import PublicNet

SMALL = Recipe(steps=4, batch=1, crop=32, stability_from=1, stability_ramp=2)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[list[Tensor]]:
    folder = tmp_path_factory.mktemp("photographs")
    torch.manual_seed(1)
    for number, size in enumerate([(90, 70), (64, 128)]):
        noise = (torch.rand(size[1], size[0], 3) * 255).to(torch.uint8)
        Image.fromarray(noise.numpy()).save(folder / f"{number}.png")
    return read_photographs(folder, SMALL.crop + 2 * MARGIN)


@pytest.fixture(scope="module")
def painting() -> Tensor:
    rows = torch.arange(64)[:, None].expand(64, 64)
    return torch.stack([rows * 4, 255 - rows * 4, (rows % 8) * 30]).to(torch.uint8)


def test_a_stopped_training_goes_on_to_the_same_weights(
    painting: Tensor, photographs: Sequence[Sequence[Tensor]], tmp_path: Path
) -> None:
    whole = train(painting, photographs, SMALL, tmp_path / "whole.pt")

    def stop_after_two(state: TrainingState) -> None:
        if state.step == 2:
            raise KeyboardInterrupt

    broken = tmp_path / "broken.pt"
    with pytest.raises(KeyboardInterrupt):
        train(painting, photographs, SMALL, broken, save_every=1, on_step=stop_after_two)
    steps: list[int] = []
    resumed = train(painting, photographs, SMALL, broken, on_step=lambda state: steps.append(state.step))
    assert steps == [3, 4]
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_training_that_diverges_stops_and_keeps_its_last_checkpoint(
    painting: Tensor, photographs: Sequence[Sequence[Tensor]], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "t.pt"

    def spoil(state: TrainingState) -> None:
        state.network.conv1.conv2d.weight.data.fill_(float("nan"))

    with pytest.raises(TrainingDiverged, match="loss is nan at step 1"):
        train(painting, photographs, SMALL, checkpoint, save_every=1, on_step=spoil)
    kept = torch.load(checkpoint, weights_only=True)
    assert kept["step"] == 1
    assert all(bool(torch.isfinite(tensor).all()) for tensor in kept["network"].values())


def test_training_makes_its_loss_smaller(
    painting: Tensor, photographs: Sequence[Sequence[Tensor]], tmp_path: Path
) -> None:
    losses: list[float] = []
    recipe = Recipe(steps=12, batch=1, crop=32, stability_weight=0.0)
    train(painting, photographs, recipe, tmp_path / "t.pt", on_step=lambda s: losses.append(s.losses[-1]["style"]))
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_no_step_follows_a_picture_that_weighs_a_thousand_times_the_others(
    painting: Tensor, photographs: Sequence[Sequence[Tensor]], tmp_path: Path
) -> None:
    norms: list[float] = []

    def look(state: TrainingState) -> None:
        gradients = [one.grad for one in state.network.parameters() if one.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(gradients)))

    recipe = replace(SMALL, style_weight=1e6)
    train(painting, photographs, recipe, tmp_path / "t.pt", on_step=look)
    assert norms == [pytest.approx(recipe.gradient_norm, rel=1e-3)] * recipe.steps


def test_a_shippable_network_is_the_trained_one_with_the_public_ones_tensors_and_range() -> None:
    network = copying_network(seed=3)
    pixels = torch.rand(1, 3, 32, 32) * 255
    PublicNet().load_state_dict(shippable(network))
    shipped = TransformerNet(TRAINED)
    shipped.load_state_dict(shippable(network))
    with torch.inference_mode():
        torch.testing.assert_close(shipped(pixels), paint(network, pixels, torch.float32), rtol=1e-3, atol=1e-1)
    again = trainable(shippable(network))
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(again[name], tensor, rtol=1e-5, atol=1e-5)


def test_the_stability_term_rises_along_its_ramp() -> None:
    recipe = Recipe(stability_weight=60.0, stability_from=100, stability_ramp=200)
    assert [stability_at(recipe, step) for step in (0, 100, 200, 300, 900)] == [0.0, 0.0, 30.0, 60.0, 60.0]


def test_crops_are_the_same_for_the_same_seed_and_moved_as_they_say(photographs: Sequence[Sequence[Tensor]]) -> None:
    first, second, other = (draw_crops(photographs, 3, 32, seed) for seed in (5, 5, 6))
    assert torch.equal(first.seen, second.seen)
    assert not torch.equal(first.source, other.source)
    assert first.source.shape == first.seen.shape == first.moved.shape == (3, 3, 32, 32)
    assert float(first.shift.abs().max()) <= 8
    still = [bool((draw_crops(photographs, 1, 32, seed).shift == 0).all()) for seed in range(200)]
    assert 0.3 < sum(still) / len(still) < 0.5


def test_pictures_are_read_upright_in_rgb_and_shrunk(tmp_path: Path) -> None:
    image = Image.new("L", (40, 20), 200)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera lay on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (3, 40, 20)
    assert read_picture(tmp_path / "a.jpg", side=10).shape == (3, 10, 5)


def test_vgg_is_the_published_one_and_frozen() -> None:
    vgg = load_vgg()
    # The first filter's first column as Keras prints it, in its order blue, green, red.
    assert float(vgg.state_dict()["conv1_1.weight"][0, 0, 0, 0]) == pytest.approx(0.42947057, abs=1e-3)
    features = vgg(torch.full((1, 3, 32, 32), 128.0))
    assert [tuple(features[layer].shape[1:]) for layer in LAYERS] == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
    ]
    assert not any(parameter.requires_grad for parameter in vgg.parameters())


def test_vgg_sees_no_frame_around_a_flat_picture() -> None:
    features = load_vgg()(torch.full((1, 3, 32, 32), 200.0))
    for layer in LAYERS:
        spread = (features[layer] - features[layer].mean(dim=(2, 3), keepdim=True)).abs().max()
        assert float(spread) < 1e-2 * float(features[layer].abs().max())
