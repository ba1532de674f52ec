"""The numeric path is chosen in one place, and a machine that cannot obey one says so."""

import os
from pathlib import Path

import pytest

from models import runtime
from models.runtime import (
    choose_numeric_path,
    core_count,
    cpu_has_bfloat16,
    device_count,
    require_path,
    thread_share,
)
from restyle.domain import NumericPath
from restyle.errors import PlanMismatch


def test_the_chosen_path_is_one_this_machine_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    path, share = choose_numeric_path(), max(1, core_count() // max(1, device_count()))
    require_path(path)
    assert path.threads == share
    assert choose_numeric_path(3).threads == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert choose_numeric_path().threads == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert choose_numeric_path().threads == share


@pytest.mark.parametrize(("said", "most"), [("50000 100000", 1), ("150000 100000", 2), ("max 100000", 4), (None, 4)])
def test_a_process_uses_no_more_processors_than_its_container_is_given(
    said: str | None, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(runtime, "CPU_MAX", tmp_path / "cpu.max")
    if said:
        (tmp_path / "cpu.max").write_text(f"{said}\n")
    assert core_count() == most


def test_processes_with_a_gpu_each_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(runtime, "core_count", lambda: 16)
    monkeypatch.setattr(runtime, "device_count", lambda: 4)
    assert thread_share() == 4


def test_bfloat16_is_chosen_on_a_cpu_only_where_the_processor_has_it() -> None:
    if device_count() == 0:
        assert (choose_numeric_path().precision == "bfloat16") == cpu_has_bfloat16()


def impossible_paths() -> list[NumericPath]:
    paths = [
        NumericPath(device="cpu", precision="float16", threads=1, mini_batch=1),
    ]
    if device_count() == 0:
        paths.append(NumericPath(device="cuda", precision="bfloat16", threads=1, mini_batch=8))
    if not cpu_has_bfloat16():
        paths.append(NumericPath(device="cpu", precision="bfloat16", threads=1, mini_batch=1))
    return paths


@pytest.mark.parametrize("path", impossible_paths(), ids=str)
def test_a_path_this_machine_cannot_obey_is_refused(path: NumericPath) -> None:
    with pytest.raises(PlanMismatch):
        require_path(path)
