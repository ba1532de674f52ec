"""`restyle quote` on a real clip: a table and a report, and nothing left in the stores."""

import json
from pathlib import Path

import pytest

from tests.flows.conftest import FRAMES, Shell, clip

__all__ = ["clip"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh home, and no server: a quote needs none."""
    return Shell(tmp_path)


@pytest.mark.slow
def test_a_quote_names_time_and_price_of_each_device_and_writes_nothing(shell: Shell, clip: Path) -> None:
    made = shell("quote", clip, "--style", "starry_night", "--max-side", "64", "--report", shell.home / "quote.json")
    assert made.returncode == 0, made.stderr
    lines = made.stdout.splitlines()
    assert lines[0] == f"{clip}: {FRAMES} frames, painted at 64x42"
    assert lines[1].startswith("8 of them were painted here: ")
    table = {line.split()[0]: line for line in lines[3 : lines.index("", 3)]}
    assert "not priced" in table["this-machine"]
    assert "1 x this machine, measured" in table["this-machine"]
    assert " USD  " in table["azure-t4"]
    assert table["azure-t4"].endswith("an estimate")
    report = json.loads((shell.home / "quote.json").read_text())
    assert report["sample"]["sampled"] == 8
    assert report["sample"]["paint_s"] > 0
    assert [line["device"] for line in report["estimates"]] == list(table)[1:]
    assert not shell.stored("data")
    assert not shell.stored("control")


@pytest.mark.slow
def test_a_quote_prices_a_stored_video_directly_painted_by_a_mix(shell: Shell, clip: Path) -> None:
    assert shell("upload", clip, "--to", "videos/clip.mp4").returncode == 0
    before = shell.stored("data")
    made = shell(
        "quote", "data:videos/clip.mp4", "--style", "starry_night:0.5,wave:0.5", "--frames", "none", "--smooth", "1"
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"data:videos/clip.mp4: {FRAMES} frames, painted at 96x64")
    assert shell.stored("data") == before


def test_what_is_wrong_is_said_before_anything_is_painted(shell: Shell, clip: Path) -> None:
    for words, said in (
        ((clip, "--style", "none_such"), "no such style"),
        (("none.mp4", "--style", "wave"), "none.mp4"),
        (("data:videos/none.mp4", "--style", "wave"), "no such blob"),
        ((clip,), "--style"),
    ):
        refused = shell("quote", *words)
        assert refused.returncode == 2, refused.stderr
        assert said in refused.stderr
