"""The painter of a worker process: its files fetched from the control store once, checked, and kept loaded.

This stands apart from the task that uses it: a task's own module travels by value, and its caches with it.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache

from models.inference import Mix, Model, Painter, load_network
from models.own import load_callable, load_program
from restyle.domain import NumericPath
from restyle.errors import BadCheckpoint
from restyle.job import Look, StyleRef
from restyle.layout import program, weights
from tasks.stores import open_stores

Read = Callable[[str], bytes]


@lru_cache(maxsize=2)
def painter(style: StyleRef, numeric: NumericPath, look: Look) -> Painter:
    """The painter of a job, from the control store. Raises BadCheckpoint where a file is not what its key says."""
    return make_painter(style, numeric, look, read_checked)


def make_painter(style: StyleRef, numeric: NumericPath, look: Look, read: Read) -> Painter:
    """A painter of this style and look; `read` gives the bytes of a key of the control store."""
    return Painter(_model(style, numeric, read), numeric, look.strength, look.keep_color, look.stroke)


def _model(style: StyleRef, numeric: NumericPath, read: Read) -> Model:
    match style.kind:
        case "style":
            return load_network(read(weights(style.sha256)), numeric)
        case "mix":
            return Mix([(load_network(read(weights(part.sha256)), numeric), part.share) for part in style.parts])
        case "callable":
            return load_callable(style.name, style.sha256)
        case "program":
            return load_program(style.name, read(program(style.sha256)), numeric)


def read_checked(key: str) -> bytes:
    """A file of the control store that is named by its hash. Raises BadCheckpoint where that is not its hash."""
    data = open_stores().control.read(key)
    found = hashlib.sha256(data).hexdigest()
    if found not in key:
        raise BadCheckpoint(f"{key} in the control store has the hash {found}; delete it and run again")
    return data
