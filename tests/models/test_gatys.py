"""Gatys' method paints what it is asked to, the same each time, and goes on from the frame before."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from models.gatys import Gatys, GatysClip, GatysRecipe, gatys_picture, load_gatys, write_order
from models.losses import gram_matrix, style_loss
from models.paintings import Painting
from models.vgg import LAYERS, load_vgg
from restyle.domain import NumericPath

PATH = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=1)
QUICK = GatysRecipe(first_steps=12, next_steps=4, painting_px=64)


def picture(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], side: int) -> Tensor:
    """(3, side, side) uint8."""
    return torch.from_numpy(np.array(Image.fromarray(pixels).resize((side, side)))).permute(2, 0, 1)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return picture(data.astronaut(), 64)[:, :48]


@pytest.fixture(scope="module")
def painting() -> Painting:
    return Painting("a cat", data.chelsea())


@pytest.fixture(scope="module")
def gatys(painting: Painting) -> Gatys:
    return load_gatys(write_order(painting, QUICK), PATH)


def style_of(picture: Tensor, painting: Painting) -> float:
    """The style loss of a (3, H, W) picture."""
    vgg = load_vgg()
    grams = {layer: gram_matrix(f) for layer, f in vgg(painting.shrunk(64)[None].float()).items()}
    return float(style_loss(vgg(picture[None].float()), grams, dict.fromkeys(LAYERS, 1.0)))


def test_a_picture_gets_the_paintings_style_and_the_same_one_each_time(photo: Tensor, painting: Painting) -> None:
    made = gatys_picture(photo, painting, 20, PATH)
    assert made.shape == photo.shape
    assert made.dtype == torch.uint8
    assert style_of(made, painting) < 0.1 * style_of(photo, painting)
    torch.testing.assert_close(gatys_picture(photo, painting, 20, PATH), made, rtol=0, atol=0)


def test_the_next_frame_goes_on_from_the_painting_before(photo: Tensor, painting: Painting, gatys: Gatys) -> None:
    moved = photo.roll(1, 2)
    first, then = GatysClip(gatys)(torch.stack([photo, moved])).round()
    alone = GatysClip(gatys)(moved[None])[0]
    expected = gatys.paint(moved[None], gatys.paint(photo[None], photo[None], 12), 4)[0]
    torch.testing.assert_close(then, expected.round(), rtol=0, atol=0)
    assert style_of(then, painting) < style_of(first, painting)  # 16 steps in all
    assert (then - alone).abs().mean() > 1


def test_two_clips_know_nothing_of_each_other_and_calls_of_any_size_are_one_clip(photo: Tensor, gatys: Gatys) -> None:
    frames = torch.stack([photo, photo.flip(2), photo])
    together, one_by_one = GatysClip(gatys), GatysClip(gatys)
    whole = together(frames)
    torch.testing.assert_close(torch.cat([one_by_one(frame[None]) for frame in frames]), whole, rtol=0, atol=0)


def test_what_is_returned_is_never_worse_than_the_start(photo: Tensor, gatys: Gatys) -> None:
    start = gatys.paint(photo[None], photo[None], 12)
    torch.testing.assert_close(gatys.paint(photo[None], start, 0), start)
    with torch.inference_mode():
        torch.testing.assert_close(gatys.paint(photo[None], start, 0), start)


def test_frames_too_small_for_the_features_are_extended_and_cut_back(photo: Tensor, gatys: Gatys) -> None:
    small = photo[None, :, :9, :17]
    painted = GatysClip(gatys)(small)
    assert painted.shape == small.shape
    assert (painted - small).abs().mean() > 5


def test_an_order_is_its_painting_and_its_recipe(painting: Painting) -> None:
    order = write_order(painting, QUICK)
    assert write_order(Painting("another name", painting.pixels), QUICK) == order
    assert load_gatys(order, PATH).recipe == QUICK
    assert write_order(painting, GatysRecipe(first_steps=13, next_steps=4, painting_px=64)) != order
    assert write_order(Painting("a cat", painting.pixels[::-1]), QUICK) != order
