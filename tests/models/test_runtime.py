"""The numeric path is chosen in one place, and a machine that cannot obey one says so."""

import pytest

from models.runtime import choose_numeric_path, core_count, cpu_has_bfloat16, device_count, require_path
from restyle.domain import NumericPath
from restyle.errors import PlanMismatch


def test_the_chosen_path_is_one_this_machine_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    path = choose_numeric_path()
    require_path(path)
    assert path.threads == core_count() >= 1
    assert choose_numeric_path(3).threads == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert choose_numeric_path().threads == 5
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert choose_numeric_path().threads == core_count()


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
