"""`restyle run --frames none`: the same frames, without an image of each in the store."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restyle.media.probe import probe_video
from tests.flows.conftest import FRAMES, Shell
from tests.flows.dashboard import dashboard
from tests.flows.test_run import run


def hashes(shell: Shell, job_id: object) -> list[str]:
    """Of the painted frames in order, as the ledger has them."""
    records = shell.stored(f"control/jobs/{job_id}/ledger")
    return [frame["sha256"] for _, content in sorted(records.items()) for frame in json.loads(content)["frames"]]


@pytest.mark.slow
def test_frames_painted_directly_are_those_painted_through_images(shell: Shell, clip: Path, server: str) -> None:
    through = run(shell, clip, "--frames", "png", "--keep-frames", "-o", shell.home / "a.mp4", "--batch-size", "16")
    images = shell.stored(f"data/work/{through['job_id']}/styled")
    pixels = [np.asarray(Image.open(io.BytesIO(content))) for _, content in sorted(images.items())]
    direct = run(shell, clip, "--frames", "none", "-o", shell.home / "b.mp4", "--batch-size", "16")
    assert hashes(shell, direct["job_id"]) == [hashlib.sha256(one.tobytes()).hexdigest() for one in pixels]
    assert direct["job_id"] != through["job_id"]
    assert (shell.home / "a.mp4").read_bytes() == (shell.home / "b.mp4").read_bytes()
    assert probe_video(shell.home / "b.mp4").frame_count == FRAMES
    assert not shell.stored(f"data/work/{direct['job_id']}")
    assert {"contact-sheet.jpg", "report.html", "report.json"} <= set(shell.stored(f"data/runs/{direct['job_id']}"))
    with dashboard(server) as seen:
        (painted,) = (one for one in seen.named("small clip.mp4 in starry_night") if str(one.id) == direct["run_id"])
        states = {one.name: one.state_name for one in seen.task_runs(painted.id)}
    assert [state for name, state in states.items() if name.startswith(("split", "upload range"))] == ["NotNeeded"] * 2


@pytest.mark.slow
def test_a_batch_whose_segment_is_there_is_not_painted_again_and_another_quality_paints_anew(
    shell: Shell, clip: Path
) -> None:
    words = ("--frames", "none", "-o", shell.home / "a.mp4")
    first = run(shell, clip, *words, "--batch-size", "16")
    painted = hashes(shell, first["job_id"])
    (output,) = (shell.home / f"control/jobs/{first['job_id']}/outputs").iterdir()
    again = run(shell, clip, *words)
    assert again["reused_batches"] == 3
    output.unlink()  # and its segments went with the verified output
    anew = run(shell, clip, *words)
    other = run(shell, clip, *words, "--crf", "40")
    assert (anew["reused_batches"], other["reused_batches"]) == (0, 0)
    assert hashes(shell, first["job_id"]) == painted
