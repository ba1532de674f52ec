"""Models that users bring: found, told apart by version, checked, and painted with like a style."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.inference import Painter
from models.own import OwnModel, callable_identity, find_callable, is_program, load_callable, load_program
from restyle.domain import NumericPath
from restyle.errors import BadModel

PATH = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=2)
MODULE = """
import numpy as np

def negative(frames):
    return 255 - frames

class Nested:
    @staticmethod
    def negative(frames):
        return 255 - frames

number = 3
"""


def frames(count: int, height: int = 6, width: int = 9) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def modules_put_back() -> Iterator[None]:
    path, known = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if name.startswith("mine"):
            del sys.modules[name]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module in the folder where the command is given."""
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "mine.py"
    target.write_text(MODULE)
    return target


class Negative(torch.nn.Module):
    """255 - x, as somebody would export it."""

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (N, H, W, 3) uint8. Returns the same."""
        return 255 - pixels


def exported(model: torch.nn.Module) -> bytes:
    """A program for any number of frames of any size."""
    free = torch.export.Dim.DYNAMIC
    example = torch.zeros(2, 32, 48, 3, dtype=torch.uint8)
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(model, (example,), dynamic_shapes=({0: free, 1: free, 2: free},)), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["mine:negative", "mine:Nested.negative"])
def test_a_callable_of_a_module_here_paints(module: Path, name: str) -> None:
    source = frames(5)
    painter = Painter(load_callable(name, callable_identity(name)), PATH)
    np.testing.assert_array_equal(painter(source), 255 - source)


def test_an_exported_program_paints_any_number_of_frames_of_any_size() -> None:
    painter = Painter(load_program("negative.pt2", exported(Negative()), PATH), PATH)
    for source in (frames(1), frames(5), frames(2, 17, 4)):
        np.testing.assert_array_equal(painter(source), 255 - source)


def test_the_look_applies_to_models_of_ones_own() -> None:
    def black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        pixels[:] = 0  # in place: the source is still needed
        return pixels

    source = np.full((1, 4, 4, 3), 100, np.uint8)
    assert set(Painter(OwnModel("black", black), PATH, strength=0.25)(source).flat) == {75}


def test_a_model_may_return_tensors_and_views(module: Path) -> None:
    source = frames(1)
    for model in (torch.from_numpy, lambda x: x[..., ::-1][..., ::-1]):
        np.testing.assert_array_equal(Painter(OwnModel("same", model), PATH)(source), source)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda x: x[:, ::2], r"uint8 of shape \(1, 3, 9, 3\)"),
        (lambda x: x[..., 0], r"uint8 of shape \(1, 6, 9\)"),
        (lambda x: x / 255, r"float64 of shape \(1, 6, 9, 3\)"),
        (lambda x: torch.from_numpy(x).float(), r"float32 of shape \(1, 6, 9, 3\)"),
        (lambda x: None, "NoneType"),
        (lambda x: x.tolist(), "list"),
    ],
)
def test_a_result_of_another_form_is_refused_in_the_models_name(result: object, said: str) -> None:
    painter = Painter(OwnModel("mine:odd", result), PATH)  # type: ignore[arg-type]
    with pytest.raises(BadModel, match=rf"--model mine:odd: returned {said}"):
        painter(frames(1))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere:paint", "nowhere cannot be imported"),
        ("mine:absent", "mine has no absent"),
        ("mine:Nested.absent", "mine has no Nested.absent"),
        ("mine:number", "int, not callable"),
        ("mine:Nested", "a class"),
        ("broken:paint", "SyntaxError"),
        ("leaving:paint", "SystemExit"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(module: Path, name: str, said: str) -> None:
    module.with_name("broken.py").write_text("def paint(:\n")
    module.with_name("leaving.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(BadModel, match=said) as refused:
        find_callable(name)
    assert name in str(refused.value)


@pytest.mark.parametrize("name", ["mine", "mine:", ":paint", "mine-1:paint", "a/b:c", "model.pt", "model.onnx", ""])
def test_what_is_neither_a_callable_nor_a_program_is_refused(name: str) -> None:
    with pytest.raises(BadModel, match=r"neither MODULE:CALLABLE.*nor a \.pt2"):
        is_program(name)


def test_programs_and_callables_are_told_apart_by_name() -> None:
    assert is_program("folder/model.pt2")
    assert not is_program("package.module:Class.method")


@pytest.mark.parametrize("data", [b"", b"not a program", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_program_is_refused(data: bytes) -> None:
    with pytest.raises(BadModel, match=r"bad\.pt2: not a program"):
        load_program("bad.pt2", data, PATH)


def test_a_callables_identity_is_its_name_and_its_file(module: Path) -> None:
    first = callable_identity("mine:negative")
    assert callable_identity("mine:Nested.negative") != first
    module.write_text(MODULE + "\n# another version\n")
    assert callable_identity("mine:negative") != first
    with pytest.raises(BadModel, match="another version"):
        load_callable("mine:negative", first)


def test_a_module_without_a_file_is_refused() -> None:
    with pytest.raises(BadModel, match="no file"):
        callable_identity("sys:getsizeof")
