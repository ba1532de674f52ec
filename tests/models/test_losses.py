"""The losses give the answers a hand can compute."""

import pytest
import torch

from models.losses import (
    content_loss,
    gram_matrix,
    range_penalty,
    stability_loss,
    style_loss,
    tone_loss,
    total_variation,
    translate,
)


def test_gram_matrix_is_the_hand_computed_one() -> None:
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, -1.0]]]])
    # Products over the four places, divided by C*H*W = 8: 1+4+9+16, 2-4, 1+1.
    expected = torch.tensor([[[30.0, -2.0], [-2.0, 2.0]]]) / 8
    torch.testing.assert_close(gram_matrix(features), expected)


def test_gram_matrix_of_half_precision_features_does_not_overflow() -> None:
    features = torch.full((1, 4, 64, 64), 200.0, dtype=torch.float16)
    torch.testing.assert_close(gram_matrix(features), torch.full((1, 4, 4), 1e4), rtol=1e-2, atol=0)


def test_style_loss_is_zero_for_the_painting_itself_and_one_for_nothing() -> None:
    painting = torch.rand(1, 3, 8, 8)
    grams = {"a": gram_matrix(painting)}
    assert float(style_loss({"a": painting}, grams, {"a": 2.0})) == pytest.approx(0, abs=1e-9)
    assert float(style_loss({"a": painting * 0}, grams, {"a": 2.0})) == pytest.approx(1)


def test_style_loss_is_a_weighted_mean_over_layers() -> None:
    features = {"a": torch.ones(1, 1, 2, 2), "b": torch.zeros(1, 1, 2, 2)}
    grams = {"a": torch.full((1, 1, 1), 2.0), "b": torch.full((1, 1, 1), 2.0)}
    # Gram of ones is 1, so layer a is (1 - 2)^2 / 4; layer b is 1.
    assert float(style_loss(features, grams, {"a": 1.0, "b": 3.0})) == pytest.approx((0.25 + 3) / 4)


def test_content_loss_is_relative_to_the_source() -> None:
    source = torch.full((1, 1, 2, 2), 2.0)
    assert float(content_loss(source + 1, source)) == pytest.approx(0.25)


def test_tone_loss_wants_light_where_the_source_is_light_and_nothing_of_a_flat_one() -> None:
    ramp = torch.linspace(20, 230, 64).expand(1, 3, 64, 64)
    assert float(tone_loss(ramp / 2 + 100, ramp)) == pytest.approx(0, abs=0.02)  # another contrast is as good
    assert float(tone_loss(255 - ramp, ramp)) == pytest.approx(2, abs=0.02)
    flat = torch.full((1, 3, 64, 64), 90.0)
    painted = ramp.clone().requires_grad_()
    loss = tone_loss(painted, flat)
    assert loss.item() == pytest.approx(1)
    loss.backward()  # type: ignore[no-untyped-call]
    assert painted.grad is not None
    assert float(painted.grad.abs().max()) == 0


def test_total_variation_and_range_penalty_are_the_hand_computed_ones() -> None:
    pixels = torch.tensor([[[[0.0, 10.0], [30.0, 40.0]]]])
    assert float(total_variation(pixels)) == pytest.approx(30 + 10)
    assert float(range_penalty(torch.tensor([[[[-51.0, 0.0, 255.0, 255.0]]]]))) == pytest.approx(0.04 / 4)


def test_translate_by_whole_pixels_moves_pixels_exactly() -> None:
    pixels = torch.rand(1, 3, 20, 24) * 255
    moved = translate(pixels, torch.tensor([[3.0, -2.0]]))
    torch.testing.assert_close(moved[:, :, 4:, :16], pixels[:, :, 2:18, 3:19], rtol=0, atol=2e-2)


def test_stability_loss_is_zero_for_the_moved_painting_and_not_for_a_boiling_one() -> None:
    pixels = torch.rand(1, 3, 48, 48) * 255
    shift = torch.tensor([[2.0, 1.0]])
    assert float(stability_loss(pixels, translate(pixels, shift), shift)) == pytest.approx(0, abs=1e-12)
    boiling = translate(torch.rand(1, 3, 48, 48) * 255, shift)
    assert float(stability_loss(pixels, boiling, shift)) == pytest.approx(2, rel=0.1)


def test_stability_loss_is_no_smaller_for_a_greyer_painting() -> None:
    pixels, noise = torch.rand(1, 3, 48, 48) * 255, torch.randn(1, 3, 48, 48) * 8
    still = torch.zeros(1, 2)
    vivid = float(stability_loss(pixels, pixels + noise, still))
    assert float(stability_loss(pixels / 2, (pixels + noise) / 2, still)) == pytest.approx(vivid, rel=0.02)
