"""The painter of a worker process: its files fetched from the control store once, checked, and kept loaded.

This stands apart from the task that uses it: a task's own module travels by value, and its caches with it.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import PurePosixPath
from threading import Lock

from models.checkpoint import require_size
from models.compiling import keep_compiled_in
from models.gatys import Gatys, GatysClip, load_gatys
from models.inference import Mix, Model, Painter, load_network
from models.own import load_callable, load_program
from models.staging import Frames
from restyle.batches import Painter as Paint
from restyle.domain import NumericPath
from restyle.errors import BadCheckpoint
from restyle.job import Look, StyleRef
from restyle.layout import gatys_order, program, weights
from restyle.settings import Settings
from tasks.stores import open_stores

_PAINTING = Lock()

Read = Callable[[str], bytes]
NewModel = Callable[[], Model]
"""Gives a model for one piece of a clip: frames that follow each other."""


def painter(style: StyleRef, numeric: NumericPath, look: Look) -> Painter:
    """A painter for one batch of a job; what it is made of stays loaded.

    Raises BadCheckpoint where a file of the control store is not what its key says.
    """
    return _painter(_from_store(style, numeric), numeric, look)


def one_at_a_time(painter: Painter) -> Paint:
    """Begins to paint a mini-batch, of which this process paints one at a time, whatever threads its worker has.

    How many threads torch takes is the process's to say, and a model of a user's own need not stand two at once.
    """

    def begin(frames: Frames) -> Callable[[], Frames]:
        with _PAINTING:
            wait = painter.begin(frames)

        def painted() -> Frames:
            with _PAINTING:
                return wait()

        return painted

    return begin


def make_painter(style: StyleRef, numeric: NumericPath, look: Look, read: Read) -> Painter:
    """A painter of this style and look; `read` gives the bytes of a key of the control store."""
    return _painter(_load(style, numeric, read), numeric, look)


def gatys_of(style: StyleRef, numeric: NumericPath) -> Gatys:
    """Gatys' method for the painting of a job, from the control store. Raises BadCheckpoint."""
    return load_gatys(read_checked(gatys_order(style.sha256)), numeric)


def _painter(new_model: NewModel, numeric: NumericPath, look: Look) -> Painter:
    return Painter(new_model(), numeric, look.strength, look.keep_color, look.stroke, look.carried)


@lru_cache(maxsize=2)
def _from_store(style: StyleRef, numeric: NumericPath) -> NewModel:
    return _load(style, numeric, read_checked)


def _load(style: StyleRef, numeric: NumericPath, read: Read) -> NewModel:
    if numeric.compiled:
        keep_compiled_in(Settings().home / "inductor")
    if style.kind == "gatys":
        gatys = load_gatys(read(gatys_order(style.sha256)), numeric)
        return lambda: GatysClip(gatys)
    model = _frame_model(style, numeric, read)
    return lambda: model  # it sees each frame alone


def _frame_model(style: StyleRef, numeric: NumericPath, read: Read) -> Model:
    match style.kind:
        case "mix":
            return Mix([(load_network(read(weights(part.sha256)), numeric), part.share) for part in style.parts])
        case "callable":
            return load_callable(style.name, style.sha256)
        case "program":
            return load_program(style.name, read(program(style.sha256)), numeric)
        case _:
            return load_network(read(weights(style.sha256)), numeric)


def read_checked(key: str) -> bytes:
    """A file of the control store that is named by its hash. Raises BadCheckpoint where that is not its hash.

    Weights are not even read where there are too many of them.
    """
    control = open_stores().control
    if key == weights(PurePosixPath(key).stem):
        require_size(control.stat(key).size_bytes, control.url(key))
    data = control.read(key)
    found = hashlib.sha256(data).hexdigest()
    if found not in key:
        raise BadCheckpoint(f"{key} in the control store has the hash {found}; delete it and run again")
    return data
