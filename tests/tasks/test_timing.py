"""A worker times a frame, and compiles the network where that is worth its time; bits are the plan's either way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.compiling import worth_trying
from models.runtime import cpu_has_matrix_units
from restyle.domain import NumericPath
from tasks.timing import Timed, Trial

PATH = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=1)
FRAMES = 10**7


def test_little_to_paint_is_not_worth_a_trial_and_much_is() -> None:
    assert not worth_trying(290, PATH)
    assert worth_trying(1300, PATH)
    assert worth_trying(700, PATH) == cpu_has_matrix_units()
    assert worth_trying(700, PATH.model_copy(update={"device": "cuda"}))


def test_a_trial_decides_by_what_it_saves() -> None:
    faster = Trial(eager_s=0.5, compiled_s=0.4, compiling_s=20)
    assert faster.timed(PATH, 1000) == Timed(
        numeric=PATH.model_copy(update={"compiled": True}),
        frame_s=0.4,
        reason="compiled: 0.4 s a frame instead of 0.5, after 20 s",
    )
    assert not faster.timed(PATH, 40).numeric.compiled  # to compile again would take as long
    level = Trial(eager_s=0.5, compiled_s=0.49, compiling_s=20).timed(PATH, 10**6)
    assert not level.numeric.compiled
    assert level.frame_s == 0.5
    assert level.reason.startswith("not compiled, which gives 0.49 s a frame")


def timed_by_a_worker(home: Path, **environment: str) -> tuple[list[str], str]:
    """What a new process prints and logs that has a long clip to paint."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tasks.compiling_worker", str(FRAMES)],
        env={**os.environ, "RESTYLE_HOME": str(home), "OMP_NUM_THREADS": "1", **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


@pytest.mark.slow
def test_a_long_clip_is_worth_a_trial_once_and_every_worker_paints_the_same_bits(tmp_path: Path) -> None:
    said, told = timed_by_a_worker(tmp_path)
    (kept,) = (tmp_path / "compiled").iterdir()
    trial = Trial.model_validate_json(kept.read_bytes())
    assert said[:2] == [str(trial.timed(PATH, FRAMES).numeric.compiled), trial.timed(PATH, FRAMES).reason]
    assert float(said[4]) > 45
    assert list((tmp_path / "inductor").iterdir())
    again, told_again = timed_by_a_worker(tmp_path)
    assert again == said
    assert ("compiling the network" in told, "compiling the network" in told_again) == (True, False)
    kept.write_text(Trial(eager_s=2, compiled_s=1, compiling_s=20).model_dump_json())
    forbidden, _ = timed_by_a_worker(tmp_path, TORCH_COMPILE_DISABLE="1")
    assert (forbidden[0], forbidden[2]) == ("False", said[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        ({"PATH": "/no/such/folder", "CXX": "no-such-compiler"}, "install a C++ compiler"),
        ({"TORCH_COMPILE_DISABLE": "1"}, "TORCH_COMPILE_DISABLE forbids it; unset that"),
    ],
)
def test_where_nothing_can_be_compiled_a_long_clip_is_painted_eagerly_and_a_plan_that_says_compiled_is_refused(
    tmp_path: Path, environment: dict[str, str], remedy: str
) -> None:
    said, told = timed_by_a_worker(tmp_path, **environment)
    assert said[:2] == ["False", ""]
    assert "not compiled: " in told
    assert remedy in said[3]
    assert not (tmp_path / "compiled").exists()
