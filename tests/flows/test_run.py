"""`restyle run` as a user runs it."""

import json
from pathlib import Path

import pytest

from restyle.media.probe import probe_video
from tests.flows.conftest import FRAMES, Shell


def run(shell: Shell, clip: Path, *options: str | Path) -> dict[str, object]:
    """Run to success; returns the report."""
    made = shell("run", clip, "--style", "starry_night", "--report", shell.home / "report.json", *options)
    assert made.returncode == 0, made.stderr
    report: dict[str, object] = json.loads((shell.home / "report.json").read_text())
    return report


@pytest.mark.slow
def test_a_video_is_painted_whole_with_its_sound_and_its_path_printed_last(shell: Shell, clip: Path) -> None:
    target = shell.home / "out.mp4"
    made = shell("run", clip, "--style", "starry_night", "-o", target, "--batch-size", "8")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == str(target)
    source, painted = probe_video(clip), probe_video(target)
    assert painted.frame_count == source.frame_count == FRAMES
    assert [t.kind for t in painted.tracks] == ["audio"]
    assert painted.duration_s == pytest.approx(source.duration_s, abs=0.025)
    assert not shell.stored("data/runs/*/frames")


@pytest.mark.slow
def test_the_second_run_paints_nothing_and_another_crf_only_encodes(shell: Shell, clip: Path) -> None:
    first = run(shell, clip, "-o", shell.home / "a.mp4", "--keep-frames", "--batch-size", "16")
    ledger = shell.stored(f"control/jobs/{first['job_id']}/ledger")
    again = run(shell, clip, "-o", shell.home / "b.mp4", "--keep-frames")
    other = run(shell, clip, "-o", shell.home / "c.mp4", "--keep-frames", "--crf", "40")
    assert first["job_id"] == again["job_id"] == other["job_id"]
    assert (first["reused_batches"], again["reused_batches"], other["reused_batches"]) == (0, 3, 3)
    assert shell.stored(f"control/jobs/{first['job_id']}/ledger") == ledger
    assert (shell.home / "a.mp4").read_bytes() == (shell.home / "b.mp4").read_bytes()
    assert (shell.home / "c.mp4").stat().st_size < (shell.home / "a.mp4").stat().st_size


@pytest.mark.slow
def test_a_damaged_source_image_fails_its_batch_alone_and_the_run_names_it(shell: Shell, clip: Path) -> None:
    run(shell, clip, "-o", shell.home / "a.mp4", "--keep-frames", "--batch-size", "8")
    styled = sorted((shell.home / "data/runs").glob("*/styled/*.jpg"))
    styled[20].write_bytes(styled[20].read_bytes()[:-1] + b"x")  # the same size, other bytes
    (outputs,) = (shell.home / "control/jobs").glob("*/outputs")
    next(outputs.iterdir()).unlink()
    failed = shell("run", clip, "--style", "starry_night", "-o", shell.home / "b.mp4", "--keep-frames")
    assert failed.returncode == 1
    assert "00000020.jpg" in failed.stderr
    assert "To go on: restyle run" in failed.stderr
    mended = run(shell, clip, "-o", shell.home / "b.mp4", "--keep-frames")
    assert mended["reused_batches"] == 4
    assert (shell.home / "a.mp4").read_bytes() == (shell.home / "b.mp4").read_bytes()
