"""The shipped styles are the pinned files, complete, and paint what they painted when they were shipped."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from skimage import data

from models.checkpoint import read_checkpoint, read_network
from models.inference import Painter, StyleNetwork
from models.network import FAST
from models.styles import PINS_PATH, WEIGHTS_FOLDER, pinned_hashes, shipped, shipped_fast
from restyle.domain import NumericPath

PINNED = Path(__file__).with_name("pinned_colors.json")
STYLES = {**shipped(), **{f"fast/{name}": style for name, style in shipped_fast().items()}}
NAMES = sorted(STYLES)


def astronaut() -> NDArray[np.uint8]:
    """(1, 128, 192, 3): an astronaut's head and shoulders, a flag, a flat wall."""
    return np.ascontiguousarray(data.astronaut()[0:256:2, 64:448:2])[None]


@pytest.fixture(scope="module")
def frame() -> NDArray[np.uint8]:
    """What every style paints here."""
    return astronaut()


def paint_exactly(weights: bytes, frame: NDArray[np.uint8], precision: str = "float32") -> NDArray[np.uint8]:
    """The frame painted by a style on this CPU; emulated where it has no bfloat16 units."""
    path = NumericPath(device="cpu", precision=precision, threads=1, mini_batch=1)
    return Painter(StyleNetwork(read_network(weights), path), path)(frame)


def paint(name: str, precision: str, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame painted by a shipped style."""
    return paint_exactly(STYLES[name].path.read_bytes(), frame, precision)


def color_grid(painted: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean colour of each of 4 x 6 blocks of 32 pixels, (4, 6, 3)."""
    blocks: NDArray[np.float64] = painted[0].reshape(4, 32, 6, 32, 3).mean(axis=(1, 3))
    return blocks


def test_every_weights_file_is_pinned_and_every_pin_holds() -> None:
    files = {str(path.relative_to(WEIGHTS_FOLDER)) for path in WEIGHTS_FOLDER.rglob("*.safetensors")}
    assert files == pinned_hashes().keys()
    for name, digest in pinned_hashes().items():
        assert hashlib.sha256((PINS_PATH.parent / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_style_is_small_float16_and_says_where_it_is_from(name: str) -> None:
    style = STYLES[name]
    assert style.path.stat().st_size <= 3_500_000
    read = read_checkpoint(style.path)
    assert (read.name, read.sha256, read.card) == (Path(name).name, style.sha256, style.card)
    assert {tensor.dtype for tensor in load(read.data).values()} == {torch.float16}
    assert style.card.painting
    assert style.card.artist
    assert style.card.year
    assert style.card.steps
    assert style.card.licence == "public domain"


def test_every_shipped_style_has_its_network_of_half_the_width() -> None:
    assert shipped_fast().keys() == shipped().keys()
    for name, style in shipped_fast().items():
        assert style.card.architecture == FAST
        assert style.path.stat().st_size < shipped()[name].path.stat().st_size / 3


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_paints_what_float32_paints(name: str, frame: NDArray[np.uint8]) -> None:
    exact = paint(name, "float32", frame).astype(float)
    fast = paint(name, "bfloat16", frame).astype(float)
    psnr_db = 10 * np.log10(255**2 / np.mean((exact - fast) ** 2))
    assert psnr_db >= 38


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_style_paints_the_colors_it_was_shipped_with(name: str, frame: NDArray[np.uint8]) -> None:
    pinned = np.array(json.loads(PINNED.read_text())[name])
    found = color_grid(paint(name, "float32", frame))
    np.testing.assert_allclose(found, pinned, atol=0.5)
    assert found.std() > 10, "a painting of one colour would agree with a pin of one colour"
