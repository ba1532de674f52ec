"""Models that users bring: a Python callable or an exported program, from batches of frames to batches of frames.

Both are code and run as such: a name or a file given here must come from whoever may run code on this machine.
"""

import hashlib
import importlib
import inspect
import io
import logging
import re
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export.passes import move_to_device_pass

from restyle.domain import NumericPath
from restyle.errors import BadModel

# Made by torch.export.save. TorchScript (.pt) is left out: torch has deprecated it, and its files are code as well.
PROGRAM_SUFFIX = ".pt2"
CALLABLE = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")


class FrameModel(Protocol):
    """What a callable promises.

    It sees each frame alone, or only the frames of one call: the pipeline chooses how many those are, and on which
    worker. The same frames give the same result. It keeps no hold of the array it gets, and may write to it.
    """

    def __call__(self, frames: NDArray[np.uint8], /) -> NDArray[np.uint8] | Tensor:
        """frames: (N, H, W, 3) uint8 RGB, N at least 1. Returns the same shape and dtype."""


class OwnModel:
    """A callable as the painter wants it."""

    def __init__(self, name: str, model: FrameModel) -> None:
        self._name = name
        self._model = model

    def __call__(self, source: Tensor) -> Tensor:
        """source: (B, 3, H, W) uint8. Returns the same as float32. Raises BadModel for a result of another form."""
        frames = source.permute(0, 2, 3, 1).cpu().numpy().copy()
        result = checked(self._model(frames), source, self._name)
        return result.to(source.device).permute(0, 3, 1, 2).float()


class OwnProgram:
    """An exported program as the painter wants it: it gets tensors, on the device of the path."""

    def __init__(self, name: str, program: torch.nn.Module) -> None:
        self._name = name
        self._program = program

    def __call__(self, source: Tensor) -> Tensor:
        """source: (B, 3, H, W) uint8. Returns the same as float32. Raises BadModel for a result of another form."""
        result = checked(self._program(source.permute(0, 2, 3, 1).contiguous()), source, self._name)
        return result.permute(0, 3, 1, 2).float()


def checked(result: object, source: Tensor, name: str) -> Tensor:
    """The result as a (B, H, W, 3) uint8 tensor. Raises BadModel, naming the model, where it is none."""
    batch, channels, height, width = source.shape
    expected = (batch, height, width, channels)
    found = f"{type(result).__name__}"
    if isinstance(result, np.ndarray | Tensor):
        dtype = str(result.dtype).removeprefix("torch.")
        if dtype == "uint8" and tuple(result.shape) == expected:
            # torch wants memory it may write to, without negative strides.
            return torch.from_numpy(np.array(result)) if isinstance(result, np.ndarray) else result
        found = f"{dtype} of shape {tuple(result.shape)}"
    raise BadModel(f"--model {name}: returned {found} for frames of uint8 {expected}; it must return what it is given")


def is_program(name: str) -> bool:
    """Whether this names an exported program's file rather than a callable. Raises BadModel where it can be neither."""
    if Path(name).suffix == PROGRAM_SUFFIX:
        return True
    if CALLABLE.fullmatch(name):
        return False
    raise BadModel(
        f"--model {name}: neither MODULE:CALLABLE, such as cartoon:paint, nor a {PROGRAM_SUFFIX} file "
        "written by torch.export.save"
    )


def find_callable(name: str) -> FrameModel:
    """What MODULE:CALLABLE names, the folder the command was given in being importable. Raises BadModel."""
    module, qualified_name = _split(name)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # whatever a user's module raises
        raise BadModel(
            f"--model {name}: {module} cannot be imported here ({_in_a_line(error)}); "
            "run restyle in its folder, or put that on PYTHONPATH"
        ) from error
    for part in qualified_name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise BadModel(f"--model {name}: {module} has no {qualified_name}; name one of its callables") from error
    if inspect.isclass(found) or not callable(found):
        kind = "a class, pass an instance of it" if inspect.isclass(found) else f"{type(found).__name__}, not callable"
        raise BadModel(f"--model {name}: {qualified_name} is {kind}; it must take and return (N, H, W, 3) uint8 frames")
    model: FrameModel = found
    return model


def callable_identity(name: str) -> str:
    """SHA-256 over a callable's qualified name and the file that defines its module; what that imports is not in it.

    Raises BadModel where the module cannot be imported or has no file.
    """
    find_callable(name)
    module, qualified_name = _split(name)
    path = getattr(sys.modules[module], "__file__", None)
    if path is None:
        raise BadModel(f"--model {name}: {module} has no file to tell versions by; put the callable into one that has")
    return hashlib.sha256(f"{module}:{qualified_name}\n".encode() + Path(path).read_bytes()).hexdigest()


def load_callable(name: str, identity: str) -> OwnModel:
    """The callable as a model. Raises BadModel, also where this machine's version is not the one of ``identity``."""
    if callable_identity(name) != identity:
        raise BadModel(
            f"--model {name}: this machine has another version of its module than the job began with; install the same"
        )
    return OwnModel(name, find_callable(name))


def load_program(name: str, data: bytes, path: NumericPath) -> OwnProgram:
    """An exported program from its file's bytes, moved to the path's device. Raises BadModel for other files."""
    logging.getLogger("torch.export").setLevel(logging.CRITICAL)  # it logs a traceback of what it also raises
    try:
        program = torch.export.load(io.BytesIO(data))
        if path.device == "cuda":
            program = move_to_device_pass(program, path.device)
        return OwnProgram(name, program.module())
    except Exception as error:  # torch documents none of the ways in which loading fails
        raise BadModel(
            f"--model {name}: not a program that this torch ({torch.__version__}) can load "
            f"({type(error).__name__}); write it with torch.export.save"
        ) from error


def _in_a_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _split(name: str) -> tuple[str, str]:
    match = CALLABLE.fullmatch(name)
    assert match, name
    return match["module"], match["name"]
