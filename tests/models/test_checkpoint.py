"""Styles are read from trusted forms only, and every other file is refused with a sentence."""

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from models.checkpoint import StyleCard, read_card, read_checkpoint, read_tensors, write_checkpoint
from models.network import TransformerNet
from restyle.errors import BadCheckpoint
from tests.models.public_network import PublicNet


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return TransformerNet().state_dict()


def test_a_style_written_and_read_again_is_the_same_bytes(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    card = StyleCard(name="waves", painting="Waves", year=1831, losses={"style": 0.1}, steps=3)
    path = tmp_path / "any.safetensors"
    path.write_bytes(write_checkpoint(tensors, card))
    style = read_checkpoint(path)
    assert (style.name, style.card, style.data) == ("waves", card, path.read_bytes())
    assert style.sha256 == hashlib.sha256(style.data).hexdigest()
    assert write_checkpoint(read_tensors(style.data), card) == style.data


def test_a_public_pth_with_running_statistics_loads_and_keeps_its_weights(tmp_path: Path) -> None:
    state = PublicNet().state_dict()
    state["in1.running_mean"], state["res2.in1.running_var"] = torch.zeros(32), torch.ones(128)
    path = tmp_path / "mosaic.pth"
    torch.save(state, path)
    style = read_checkpoint(path)
    assert style.name == "mosaic"
    read = load(style.data)
    assert read.keys() == TransformerNet().state_dict().keys()
    assert all(torch.equal(read[name], state[name]) for name in read)


def test_the_same_pth_gives_the_same_hash_wherever_it_lies(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    paths = [tmp_path / "a.pth", tmp_path / "elsewhere" / "a.pth"]
    for path in paths:
        torch.save(tensors, path)
    assert read_checkpoint(paths[0]).sha256 == read_checkpoint(paths[1]).sha256


def test_safetensors_of_another_hand_load_under_their_file_name(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(save(tensors, metadata={"format": "pt"}))
    style = read_checkpoint(path)
    assert style.name == "foreign"
    assert read_card(style.data) == StyleCard(name="foreign")


class Runs:
    """Pickles as a call that creates a file: what a hostile checkpoint would do."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.canary), "w")


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_that_would_run_code_is_refused_unread(tmp_path: Path, protocol: int) -> None:
    canary, path = tmp_path / "canary", tmp_path / "style.pth"
    path.write_bytes(pickle.dumps(Runs(canary), protocol=protocol))
    with pytest.raises(BadCheckpoint, match="run code"):
        read_checkpoint(path)
    assert not canary.exists()


def test_a_torch_archive_that_would_run_code_is_refused_unread(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "style.pth"
    torch.save({**tensors, "extra": Runs(canary)}, path)
    with pytest.raises(BadCheckpoint, match="run code"):
        read_checkpoint(path)
    assert not canary.exists()
    torch.load(path, weights_only=False)["extra"].close()
    assert canary.exists(), "the file must be one that does run code where code is allowed"


def changed(tensors: dict[str, Tensor], name: str, value: Tensor | None) -> dict[str, Tensor]:
    others = {key: tensor for key, tensor in tensors.items() if key != name}
    return others if value is None else {**others, name: value}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("in3.bias", None, "no in3.bias"),
        ("in3.bias", torch.full((64 * 2,), float("nan")), "in3.bias holds NaN"),
        ("in3.bias", torch.zeros(7), r"in3.bias has shape \(7,\) instead of \(128,\)"),
        ("in3.bias", torch.zeros(128, dtype=torch.int32), "in3.bias holds NaN, infinite or whole numbers"),
        ("conv9.weight", torch.zeros(3), "unknown conv9.weight"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_wrong_tensors_are_refused_by_name(
    tensors: dict[str, Tensor], tmp_path: Path, name: str, value: Tensor | None, sentence: str, suffix: str
) -> None:
    path = tmp_path / f"style{suffix}"
    wrong = changed(tensors, name, value)
    if suffix == ".pth":
        torch.save(wrong, path)
    else:
        path.write_bytes(write_checkpoint(wrong, StyleCard(name="x")))
    with pytest.raises(BadCheckpoint, match=sentence) as raised:
        read_checkpoint(path)
    assert str(path) in str(raised.value)


def test_what_is_no_checkpoint_is_refused(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    whole = write_checkpoint(tensors, StyleCard(name="x"))
    torch.save(tensors, tmp_path / "whole.pth")
    zipped = (tmp_path / "whole.pth").read_bytes()
    for number, data in enumerate(
        [b"", b"text\n" * 9, whole[:-100], whole[:6], zipped[: len(zipped) // 2], b"\x80\x02."]
    ):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(data)
        with pytest.raises(BadCheckpoint):
            read_checkpoint(path)


def test_other_objects_and_missing_or_huge_files_are_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    with pytest.raises(BadCheckpoint, match="no state dict"):
        read_checkpoint(tmp_path / "list.pth")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        read_checkpoint(tmp_path / "absent.pth")
    with (tmp_path / "huge.pth").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(BadCheckpoint, match="too large"):
        read_checkpoint(tmp_path / "huge.pth")
