"""Imports without the garbage collector, which finds nothing and takes a third of the time."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from runpy import run_module


@contextmanager
def uncollected() -> Iterator[None]:
    """Around imports; what they made is never looked at again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def quickly(first: str, *command: str) -> list[str]:
    """The argument list of a process that imports `first` (MODULE,MODULE), then runs a module with arguments."""
    return [sys.executable, "-m", __name__, first, *command]


def main() -> None:
    """Do what `quickly` says. Processes that are spawned by this one import no more than this file."""
    _, first, *sys.argv = sys.argv
    with uncollected():
        for name in first.split(","):
            import_module(name)
    run_module(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
