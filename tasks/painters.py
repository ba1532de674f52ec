"""The painter of a worker process: weights fetched from the control store once, checked, and kept loaded.

This stands apart from the task that uses it: a task's own module travels by value, and its caches with it.
"""

import hashlib
from functools import lru_cache

from models.inference import Painter, load_painter
from restyle.domain import NumericPath
from restyle.errors import BadCheckpoint
from restyle.layout import weights
from tasks.stores import open_stores


@lru_cache(maxsize=2)
def painter(sha256: str, numeric: NumericPath, strength: float) -> Painter:
    """The painter with these weights. Raises BadCheckpoint where the store's bytes are not those of the hash."""
    data = open_stores().control.read(weights(sha256))
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BadCheckpoint(f"{weights(sha256)} in the control store has the hash {found}; delete it and run again")
    return load_painter(data, numeric, strength)
