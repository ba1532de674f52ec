"""A painter gives the same bits for the same call, at any size, and the source at strength 0."""

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models import inference
from models.checkpoint import StyleCard, write_checkpoint
from models.inference import Mix, Painter, load_network, load_painter
from models.initial import copying_network
from models.network import TransformerNet
from models.runtime import choose_numeric_path
from restyle.domain import NumericPath
from restyle.errors import BadCheckpoint
from tests.models.public_network import PublicNet

FLOAT32 = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=2)


@pytest.fixture(autouse=True)
def threads_put_back() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights() -> bytes:
    return write_checkpoint(copying_network(seed=2).state_dict(), StyleCard(name="copy"))


def frames(count: int, height: int, width: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(height * 1000 + width)
    return random.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (3, 2), (5, 7), (8, 8), (33, 65), (64, 30)])
def test_every_size_comes_out_at_its_own_size(weights: bytes, height: int, width: int) -> None:
    source = frames(3, height, width)
    painted = load_painter(weights, FLOAT32, 1.0)(source)
    assert painted.shape == source.shape
    assert painted.dtype == np.uint8


def test_an_odd_size_is_painted_as_the_same_picture_with_repeated_edges(weights: bytes) -> None:
    source = frames(1, 33, 30)
    padded = np.pad(source, ((0, 0), (0, 3), (0, 2), (0, 0)), mode="edge")
    painter = load_painter(weights, FLOAT32, 1.0)
    np.testing.assert_array_equal(painter(source), painter(padded)[:, :33, :30])


def test_painting_is_what_the_public_network_paints() -> None:
    torch.manual_seed(5)
    public = PublicNet()
    public.deconv3.conv2d.weight.data *= 200
    state = {**public.state_dict(), "deconv3.conv2d.bias": torch.full((3,), 127.0)}
    public.load_state_dict(state)
    source = frames(1, 32, 48)
    with torch.inference_mode():
        expected = public(torch.from_numpy(source).permute(0, 3, 1, 2).float()).clamp(0, 255).permute(0, 2, 3, 1)
    painted = load_painter(write_checkpoint(public.state_dict(), StyleCard(name="x")), FLOAT32, 1.0)(source)
    assert np.abs(painted - expected.numpy()).max() <= 0.5 + 1e-2
    assert painted.std() > 20


def test_strength_zero_gives_the_sources_very_bytes_without_painting() -> None:
    def model(source: torch.Tensor) -> torch.Tensor:
        raise AssertionError("it was asked to paint")

    source = frames(2, 21, 34)
    painted = Painter(model, FLOAT32, strength=0)(source)
    np.testing.assert_array_equal(painted, source)
    assert painted is not source


def test_strength_blends_pixels_linearly(weights: bytes) -> None:
    source = frames(1, 16, 16)
    full = load_painter(weights, FLOAT32, 1.0)(source).astype(float)
    half = load_painter(weights, FLOAT32, 0.5)(source).astype(float)
    # Half a level for each of the two roundings.
    assert np.abs(half - (source + full) / 2).max() <= 0.76


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_its_range_is_refused(weights: bytes, strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        load_painter(weights, FLOAT32, strength)


@pytest.mark.parametrize("precision", ["float32", choose_numeric_path().precision])
def test_the_same_call_gives_the_same_bits(weights: bytes, precision: str) -> None:
    path = choose_numeric_path(1).model_copy(update={"precision": precision, "mini_batch": 2})
    source = frames(5, 40, 52)
    painted = load_painter(weights, path, 1.0)(source)
    again = load_painter(weights, path, 1.0)
    again(frames(3, 24, 24))
    np.testing.assert_array_equal(again(source), painted)


def test_frames_do_not_see_each_other(weights: bytes) -> None:
    source = frames(5, 24, 40)
    painter = load_painter(weights, FLOAT32, 1.0)
    together = painter(source).astype(int)
    alone = np.concatenate([painter(frame[None]) for frame in source]).astype(int)
    # Mini-batches of other sizes may add in another order: the last bit, never more.
    assert np.abs(together - alone).max() <= 1


def test_a_smaller_mini_batch_of_a_compiled_network_is_filled_up(
    weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def counting(network: TransformerNet, _: NumericPath) -> Callable[[torch.Tensor], torch.Tensor]:
        def paint(pixels: torch.Tensor) -> torch.Tensor:
            counts.append(len(pixels))
            painted: torch.Tensor = network(pixels)
            return painted

        return paint

    monkeypatch.setattr(inference, "compiled", counting)
    source, eager = frames(3, 24, 40), load_painter(weights, FLOAT32)
    painted = load_painter(weights, FLOAT32.model_copy(update={"compiled": True}))(source)
    assert counts == [2, 2]
    np.testing.assert_array_equal(painted[:2], eager(source[:2]))
    np.testing.assert_array_equal(painted[2:], eager(source[[2, 2]])[:1])


def test_mini_batches_are_counted_from_the_first_frame(weights: bytes) -> None:
    source = frames(4, 24, 24)
    painter = load_painter(weights, FLOAT32, 1.0)
    np.testing.assert_array_equal(painter(source), np.concatenate([painter(source[:2]), painter(source[2:])]))


def test_the_source_is_left_alone_and_may_be_read_only(weights: bytes) -> None:
    source = frames(2, 16, 16)
    kept = source.copy()
    source.setflags(write=False)
    load_painter(weights, FLOAT32, 1.0)(source)
    np.testing.assert_array_equal(source, kept)


def test_threads_are_those_of_the_path(weights: bytes) -> None:
    torch.set_num_threads(2 if (os.cpu_count() or 1) > 1 else 1)
    load_painter(weights, FLOAT32, 1.0)(frames(1, 16, 16))
    assert torch.get_num_threads() == 1


def test_other_arrays_and_other_weights_are_refused(weights: bytes) -> None:
    painter = load_painter(weights, FLOAT32, 1.0)
    for wrong in (np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 4), np.uint8), np.zeros((1, 4, 4, 3), np.float32)):
        with pytest.raises(ValueError, match="frames are"):
            painter(wrong)  # type: ignore[arg-type]
    with pytest.raises(BadCheckpoint):
        load_painter(b"not weights", FLOAT32, 1.0)


def test_a_stroke_of_one_is_none_to_the_bit(weights: bytes) -> None:
    source = frames(2, 40, 52)
    np.testing.assert_array_equal(
        load_painter(weights, FLOAT32, stroke=1.0)(source), load_painter(weights, FLOAT32)(source)
    )


@pytest.mark.parametrize("stroke", [0.5, 0.7, 1.5, 2.0])
def test_the_model_sees_the_frame_at_the_size_of_the_stroke(stroke: float) -> None:
    seen: list[tuple[int, ...]] = []

    def model(source: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(source.shape))
        assert source.dtype == torch.uint8
        return source.float()

    source = np.full((1, 30, 50, 3), 90, np.uint8)
    np.testing.assert_array_equal(Painter(model, FLOAT32, stroke=stroke)(source), source)
    assert seen == [(1, 3, round(30 / stroke), round(50 / stroke))]


@pytest.mark.parametrize("stroke", [0.49, 2.01, 0.0, -1.0, float("nan"), float("inf")])
def test_a_stroke_outside_its_range_is_refused(weights: bytes, stroke: float) -> None:
    with pytest.raises(ValueError, match="stroke"):
        load_painter(weights, FLOAT32, stroke=stroke)


def test_kept_colors_come_before_strength() -> None:
    def red(source: torch.Tensor) -> torch.Tensor:
        return torch.tensor([200.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(source.shape).clone()

    grey = np.full((1, 4, 4, 3), 160, np.uint8)
    # Red of 200 has Y 59.8: in the source's grey (59.8, 59.8, 59.8), and half way to 160 is 109.9.
    assert set(Painter(red, FLOAT32, keep_color=True)(grey).flat) == {60}
    assert set(Painter(red, FLOAT32, strength=0.5, keep_color=True)(grey).flat) == {110}


def test_strength_zero_gives_the_source_whatever_else_is_asked(weights: bytes) -> None:
    source = frames(1, 21, 34)
    painter = load_painter(weights, FLOAT32, strength=0.0, keep_color=True, stroke=1.7)
    np.testing.assert_array_equal(painter(source), source)


def test_a_mix_is_the_weighted_sum_of_its_paintings(weights: bytes) -> None:
    contrasty = copying_network(seed=3).state_dict()
    contrasty["deconv3.conv2d.weight"] *= 50
    contrasty["deconv3.conv2d.bias"].fill_(127)
    other = write_checkpoint(contrasty, StyleCard(name="other"))
    source = frames(2, 24, 36)
    models = [load_network(data, FLOAT32) for data in (weights, other)]
    mixed = Painter(Mix([(models[0], 0.25), (models[1], 0.75)]), FLOAT32)(source).astype(float)
    first, second = (Painter(model, FLOAT32)(source).astype(float) for model in models)
    assert np.abs(first - second).mean() > 20
    # Half a level for the rounding of the mix, and half a level in all for those of its parts.
    assert np.abs(mixed - (0.25 * first + 0.75 * second)).max() <= 1.01


def test_a_mix_of_one_style_with_itself_is_that_style(weights: bytes) -> None:
    source = frames(1, 24, 36)
    model = load_network(weights, FLOAT32)
    mixed = Painter(Mix([(model, 0.6), (model, 0.4)]), FLOAT32)(source).astype(int)
    # 0.6 x + 0.4 x may fall on the other side of a half.
    assert np.abs(mixed - Painter(model, FLOAT32)(source)).max() <= 1
