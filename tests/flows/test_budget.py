"""A run with a budget: it ends before it costs more, says so by its state, and a new budget goes on from the ledger."""

import json
import time
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from tests.flows.conftest import Shell
from tests.flows.dashboard import dashboard
from tests.flows.faulty import grey_clip, misbehave

ROOT = Path(__file__).parents[2]
FRAMES, BATCH = 40, 4
BATCHES = FRAMES // BATCH
PRICES = """
[devices.stopwatch]
words = "an hour for 3600, so that one second costs 1"
price_per_hour = 3600
currency = "EUR"
speed = 1
measured = true
start_s = 0
source = "made up"
"""


@pytest.fixture
def priced(shell: Shell) -> Shell:
    """A shell whose model sleeps as FAULTS says, and whose run costs 1 a second."""
    (shell.home / "prices.toml").write_text(PRICES)
    shell.environment |= {
        "RESTYLE_PRICED_AS": "stopwatch",
        "FAULTS": str(shell.home / "faults.json"),
        "PYTHONPATH": str(ROOT),
    }
    misbehave(shell.home / "faults.json")
    return shell


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_ends_before_its_budget_is_exceeded_and_a_new_one_goes_on(priced: Shell, server: str) -> None:
    clip = grey_clip(priced.home / "dear.mp4", FRAMES)
    words: tuple[str | Path, ...] = ("run", clip, "--model", "tests.flows.faulty:paint", "-o", priced.home / "out.mp4")
    words += ("--batch-size", str(BATCH), "--workers", "1", "--budget")
    begun = time.monotonic()
    none = priced(*words, "0.01")
    to_begin_s = time.monotonic() - begun
    assert none.returncode == 1, none.stderr
    assert f"0 of {BATCHES} batches are painted" in none.stderr
    assert _recorded(priced) == []

    budget = round(2 * to_begin_s + 20)  # enough to begin on a machine of any speed, and half of what painting takes
    misbehave(priced.home / "faults.json", sleep_s=2 * budget / FRAMES)
    ended = priced(*words, str(budget), timeout=1200)
    assert ended.returncode == 1, ended.stderr
    recorded = _recorded(priced)
    assert 1 <= len(recorded) < BATCHES
    assert f"budget of {budget} EUR (stopwatch, 1 x 3600 EUR an hour)" in ended.stderr
    assert f"{len(recorded)} of {BATCHES} batches are painted" in ended.stderr
    assert "To go on: restyle run" in ended.stderr
    with dashboard(server) as seen:
        runs = seen.named("dear.mp4 in tests.flows.faulty-paint")
        assert [(run.state_name, run.state_type) for run in runs] == [("BudgetReached", StateType.FAILED)] * 2
        assert max(run.total_run_time.total_seconds() for run in runs) <= budget

    misbehave(priced.home / "faults.json")
    done = priced(*words, "100000", "--report", priced.home / "report.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((priced.home / "report.json").read_text())["reused_batches"] == len(recorded)


def test_a_budget_without_a_price_is_refused_before_anything_starts(priced: Shell, clip: Path) -> None:
    words = ("run", clip, "--style", "wave", "-o", priced.home / "out.mp4", "--budget", "5")
    for entry, said in (("this-machine", "is no entry of"), ("free", "has no price in")):
        priced.environment["RESTYLE_PRICED_AS"] = entry
        if entry == "free":
            free = PRICES.replace("stopwatch", "free").replace("= 3600\n", "= 0\n")
            (priced.home / "prices.toml").write_text(free)
        refused = priced(*words)
        assert refused.returncode == 2, refused.stderr
        assert said in refused.stderr
        assert "To go on" not in refused.stderr


def _recorded(shell: Shell) -> list[str]:
    return [name for name in shell.stored("control/jobs") if "/ledger/" in name]
