"""Processes that import first what takes long, without the garbage collector."""

import gc
import subprocess

import pytest

from restyle.importing import quickly, uncollected


def test_garbage_is_collected_again_whatever_an_import_does() -> None:
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_a_module_is_run_with_its_arguments_once_others_are_imported() -> None:
    command = quickly("this,json", "json.tool", "--help")
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.index("The Zen of Python") < said.index("usage: ")
