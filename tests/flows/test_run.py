"""`restyle run` as a user runs it."""

import json
from pathlib import Path

import numpy as np
import pytest

from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from tests.flows.conftest import FRAMES, Shell

SAMPLE = Path(__file__).parents[2] / "samples/sample.mp4"


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
    assert not shell.stored("data/work")


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
    styled = sorted((shell.home / "data/work").glob("*/styled/*.jpg"))
    styled[5].write_bytes(bytes(len(styled[5].read_bytes())))  # the same size; also a frame of the contact sheet
    (outputs,) = (shell.home / "control/jobs").glob("*/outputs")
    next(outputs.iterdir()).unlink()
    failed = shell("run", clip, "--style", "starry_night", "-o", shell.home / "b.mp4", "--keep-frames")
    assert failed.returncode == 1
    assert "00000005.jpg" in failed.stderr
    assert "To go on: restyle run" in failed.stderr
    for source in (shell.home / "data/work").glob("*/frames/*.jpg"):
        source.unlink()  # as a kill while frames are dropped leaves it
    mended = run(shell, clip, "-o", shell.home / "b.mp4", "--keep-frames")
    assert mended["reused_batches"] == 4
    assert (shell.home / "a.mp4").read_bytes() == (shell.home / "b.mp4").read_bytes()


@pytest.mark.slow
def test_strength_0_gives_back_a_stored_video_through_the_whole_pipeline(shell: Shell) -> None:
    stored = shell.home / "data/inbox/clip.mp4"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(SAMPLE.read_bytes())
    target = shell.home / "same.mkv"
    options = ("--strength", "0", "--frames", "png", "--crf", "8", "-o", target)
    done = shell("run", "data:inbox/clip.mp4", "--style", "starry_night", *options)
    assert done.returncode == 0, done.stderr
    source, same = probe_video(SAMPLE), probe_video(target)
    count = source.frame_count
    with FrameDecoder(SAMPLE, source) as before, FrameDecoder(target, same) as after:
        pairs = zip(before.frames(0, count), after.frames(0, count), strict=True)
        errors = [np.square(a.astype(np.float64) - b).mean() for a, b in pairs]
    assert 10 * np.log10(255**2 / np.mean(errors)) > 36
    seconds = [float((pts - info.pts[0]) * info.time_base) for info in (source, same) for pts in info.pts]
    assert seconds[:count] == pytest.approx(seconds[count:], abs=0.001)


@pytest.mark.slow
def test_a_key_that_is_not_in_the_store_is_refused(shell: Shell) -> None:
    done = shell("run", "data:inbox/none.mp4", "--style", "starry_night", "-o", shell.home / "out.mp4")
    assert done.returncode == 2, done.stderr
    assert "inbox/none.mp4" in done.stderr
