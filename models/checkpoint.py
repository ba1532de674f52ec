"""Reads and writes styles: this project's safetensors files, and the public fast-neural-style ``.pth`` files.

Nothing is ever unpickled but tensors (``weights_only``), so that a file cannot run code.
"""

import hashlib
import io
import json
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from models.network import ARCHITECTURES, Architecture, TransformerNet
from restyle.domain import Frozen
from restyle.errors import BadCheckpoint

# What a style's file is called; it is told apart by its content all the same.
CHECKPOINT_SUFFIXES = frozenset({".safetensors", ".pth"})
# The network in float32 is 6.7 MB; nothing a style needs is ten times that.
MAX_BYTES = 64 * 1024 * 1024
CARD_KEY = "card"
# Instance norm kept running statistics in torch 0.3; the public files of that time still hold them, unused.
DEPRECATED_SUFFIXES = ("running_mean", "running_var", "num_batches_tracked")


class StyleCard(Frozen):
    """What a style was made from and how, kept as JSON in the metadata of its file."""

    name: str
    architecture: str = ARCHITECTURES[0]
    painting: str | None = None
    artist: str | None = None
    year: int | None = None
    licence: str | None = None
    recipe: str | None = None
    steps: int | None = None
    losses: dict[str, float] = Field(default_factory=dict, description="unweighted, of the last steps")
    held_out: dict[str, float] = Field(default_factory=dict, description="losses on photographs it never saw")
    warping_error: dict[str, float] = Field(default_factory=dict, description="by camera move, in levels of 255")


class Checkpoint(Frozen):
    """A style that has been read and found sound."""

    name: str
    sha256: str
    data: bytes
    card: StyleCard


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a style's file, safetensors or ``.pth``, told apart by content.

    ``data`` is the file itself where this project wrote it, else its tensors as this project writes them; ``sha256``
    is of ``data``. Raises BadCheckpoint.
    """
    try:
        require_size(path.stat().st_size, str(path))
        data = path.read_bytes()
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror}); pass a file that can") from error
    if not is_safetensors(data):
        tensors = read_pth(data, str(path))
        check_tensors(tensors, str(path))
        data = write_checkpoint(tensors, StyleCard(name=path.stem))
    elif read_card(data) is None:
        data = write_checkpoint(read_tensors(data, str(path)), StyleCard(name=path.stem))
    else:
        read_network(data, str(path))
    card = read_card(data) or StyleCard(name=path.stem)
    return Checkpoint(name=card.name, sha256=hashlib.sha256(data).hexdigest(), data=data, card=card)


def require_size(size_bytes: int, source: str) -> None:
    """Raises BadCheckpoint, before anything is read, for a file that is too large to be a style."""
    if size_bytes > MAX_BYTES:
        raise BadCheckpoint(f"{source}: {size_bytes} bytes is too large for a style; pass a painter network")


def write_checkpoint(tensors: Mapping[str, Tensor], card: StyleCard) -> bytes:
    """A style's file; the same tensors and card give the same bytes (one metadata key: their order is not kept)."""
    kept = {name: tensors[name].contiguous() for name in sorted(tensors)}
    return save(kept, metadata={CARD_KEY: json.dumps(card.model_dump(exclude_none=True), sort_keys=True)})


def read_tensors(data: bytes, source: str = "checkpoint") -> dict[str, Tensor]:
    """The tensors of a safetensors style, checked by name, shape and value. Raises BadCheckpoint naming ``source``."""
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BadCheckpoint(f"{source}: not a whole safetensors file ({error}); copy or train it again") from error
    tensors = without_deprecated(tensors)
    check_tensors(tensors, source, architecture_of(data, source))
    return tensors


def read_network(data: bytes, source: str = "checkpoint") -> TransformerNet:
    """The network of a safetensors style, in float32 and without gradients.

    Raises BadCheckpoint, for a variant that this version does not know as well.
    """
    tensors = read_tensors(data, source)
    with torch.device("meta"):
        network = TransformerNet(architecture_of(data, source))
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.requires_grad_(False).eval()


def architecture_of(data: bytes, source: str) -> Architecture:
    """What a style's card says it is, the public network without one. Raises BadCheckpoint naming ``source``."""
    card = read_card(data)
    name = card.architecture if card else ARCHITECTURES[0]
    for architecture in ARCHITECTURES:
        if name == architecture:
            return architecture
    raise BadCheckpoint(f"{source}: its network is a {name!r}, not one of {', '.join(ARCHITECTURES)}; update restyle")


def read_card(data: bytes) -> StyleCard | None:
    """The card of a safetensors style, None where it has none or one of another form."""
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return StyleCard.model_validate_json(header["__metadata__"][CARD_KEY])
    except (KeyError, TypeError, ValueError, ValidationError):
        return None


def is_safetensors(data: bytes) -> bool:
    """Whether the bytes begin as safetensors do: a header's length, then its JSON."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8


def read_pth(data: bytes, source: str) -> dict[str, Tensor]:
    """The state dict of a ``.pth`` file, less deprecated keys. Raises BadCheckpoint; never runs the file's code."""
    try:
        with warnings.catch_warnings():
            # torch warns of pickle protocols it may not read; what it does not read is refused below.
            warnings.simplefilter("ignore")
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadCheckpoint(
            f"{source}: holds more than tensors, or is no checkpoint, and was not opened, for it could run code; "
            "pass a file with a state dict alone"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, IndexError, TypeError, OSError) as error:
        raise BadCheckpoint(
            f"{source}: not a checkpoint ({type(error).__name__}); pass a .safetensors or .pth"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise BadCheckpoint(f"{source}: holds no state dict of tensors; pass the network's state_dict() saved alone")
    return without_deprecated({str(name): tensor for name, tensor in state.items()})


def without_deprecated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors less the running statistics that instance norm no longer keeps."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(DEPRECATED_SUFFIXES)}


def check_tensors(tensors: Mapping[str, Tensor], source: str, architecture: Architecture = ARCHITECTURES[0]) -> None:
    """Raises BadCheckpoint unless these are exactly the painter's tensors, floating-point and finite."""
    with torch.device("meta"):
        expected = TransformerNet(architecture).state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        names = ", ".join([*(f"no {n}" for n in missing[:3]), *(f"unknown {n}" for n in extra[:3])])
        counts = f"{len(missing)} tensors missing, {len(extra)} unknown"
        raise BadCheckpoint(
            f"{source}: not the painter's network: {counts} ({names}); pass a style of this architecture"
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
            raise BadCheckpoint(f"{source}: {name} has shape {shapes}; pass a style of this architecture")
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise BadCheckpoint(f"{source}: {name} holds NaN, infinite or whole numbers; train the style again")
