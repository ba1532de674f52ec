"""A painting becomes a style: once, also when killed, also for two at the same time; and a run paints with it."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.checkpoint import StyleCard, read_checkpoint, write_checkpoint
from models.network import TransformerNet
from tests.flows.conftest import FRAMES, Shell

TIMEOUT_S = 500
START = ("--from", "scratch")  # the same whatever styles are shipped, and nothing to look for


@pytest.fixture(scope="session")
def painting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red and blue stripes, with alpha."""
    path = tmp_path_factory.mktemp("painting") / "my stripes.png"
    rows = np.arange(96)[:, None] // 8 % 2
    pixels = np.where(rows[..., None], (200, 30, 20, 255), (20, 40, 180, 200)).astype(np.uint8)
    Image.fromarray(np.repeat(pixels, 120, axis=1)).save(path)
    return path


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder with two small pictures, below it and below a folder of it."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    for name in ("a.png", "more/b.jpg"):
        Image.effect_noise((180, 176), 80).convert("RGB").save(folder / name)
    return folder


def state_file(home: Path) -> Path:
    return next((home / "training").glob("*/state.pt"), home / "none yet")


def saved_steps(home: Path) -> int:
    return int(torch.load(state_file(home), weights_only=True)["step"]) if state_file(home).exists() else 0


def kill_when_at(shell: Shell, steps: int, *words: str | Path) -> None:
    """Start a training and kill it, and all its processes, once so many steps are saved."""
    process = shell.popen("train", *words)
    deadline = time.monotonic() + TIMEOUT_S
    while saved_steps(shell.home) < steps:
        assert process.poll() is None, "it ended before it was to be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def artifacts(shell: Shell) -> set[tuple[str, str]]:
    """Key and kind of everything the server was told to show of a training."""
    url = f"{shell.environment['PREFECT_API_URL']}/artifacts/filter"
    # Asked for all it would give 200 at most, of every run of these tests.
    asked = json.dumps({"artifacts": {"key": {"like_": "training-%"}}}).encode()
    request = urllib.request.Request(url, data=asked, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {(artifact["key"], artifact["type"]) for artifact in json.load(answer)}


@pytest.mark.slow
def test_a_killed_training_ends_as_an_undisturbed_one(shell: Shell, painting: Path, photographs: Path) -> None:
    words = (painting, "-o", shell.home / "style.safetensors", "--steps", "12", "--photographs", photographs, *START)
    undisturbed = shell("train", *words)
    assert undisturbed.returncode == 0, undisturbed.stderr
    whole = read_checkpoint(shell.home / "style.safetensors")
    assert undisturbed.stdout.splitlines()[-1] == str(shell.home / "style.safetensors")
    assert (whole.name, whole.card.painting, whole.card.steps) == ("my stripes", "my stripes.png", 12)
    assert "white" in undisturbed.stdout
    shown = {("training-progress", "progress"), ("training-losses", "image"), ("training-samples", "image")}
    assert artifacts(shell) >= shown

    for path in (shell.home / "control/styles/trained").iterdir():
        path.unlink()
    (shell.home / "style.safetensors").unlink()
    kill_when_at(shell, 4, *words)
    assert not (shell.home / "style.safetensors").exists()
    resumed = shell("train", *words)
    assert resumed.returncode == 0, resumed.stderr
    assert "step 1 of" not in resumed.stderr
    after = read_checkpoint(shell.home / "style.safetensors")
    assert (after.card.steps, after.card.losses) == (whole.card.steps, whole.card.losses)
    assert after.data == whole.data
    assert not list((shell.home / "training").glob("*/*")), "the state goes once the style is kept"


@pytest.mark.slow
def test_a_training_that_explodes_leaves_its_best_style_at_the_output(
    shell: Shell, painting: Path, photographs: Path
) -> None:
    target = shell.home / "style.safetensors"
    words = (painting, "-o", target, "--steps", "20", "--photographs", photographs, *START)
    kill_when_at(shell, 12, *words)
    saved = torch.load(state_file(shell.home), weights_only=True)
    saved["losses"][:10] = [{**losses, "style": 1e-6, "content": 1e-6} for losses in saved["losses"][:10]]
    torch.save(saved, state_file(shell.home))
    failed = shell("train", *words)
    assert failed.returncode == 1
    assert "more than 3 times its best" in failed.stderr
    assert str(target) in failed.stderr
    assert read_checkpoint(target).card.steps == 10
    assert not list((shell.home / "control").rglob("*.safetensors")), "a style that failed is not kept for others"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_runs_with_one_new_painting_train_it_once_and_paint_with_it(
    shell: Shell, painting: Path, clip: Path
) -> None:
    words = ("run", clip, "--style", painting, "--train-minutes", "0.1", "--batch-size", "40", "--workers", "1")
    first, environment = shell.command(*words, "--report", "report.json", "-o", shell.home / "a.mp4")
    second, _ = shell.command(*words, "--strength", "0.5", "-o", shell.home / "b.mp4")
    runs = [
        subprocess.Popen(command, env=environment, cwd=shell.home, stderr=subprocess.PIPE)
        for command in (first, second)
    ]
    try:
        said = [run.communicate(timeout=TIMEOUT_S)[1].decode() for run in runs]
    finally:
        for run in runs:
            run.kill()
            run.communicate()
    assert [run.returncode for run in runs] == [0, 0], said
    assert sorted("step 1 of" in text for text in said) == [False, True]
    assert [path.suffix for path in (shell.home / "control/styles/trained").iterdir()] == [".safetensors"]
    report = json.loads((shell.home / "report.json").read_text())
    assert (report["style"]["name"], report["frames_out"]) == ("my stripes", FRAMES)
    third = shell(*words, "-o", shell.home / "c.mp4")
    assert third.returncode == 0, third.stderr
    assert "training the style" not in third.stderr


@pytest.mark.slow
def test_bad_paintings_and_starts_are_refused_before_any_work(shell: Shell, clip: Path, painting: Path) -> None:
    Image.new("RGB", (10, 200)).save(shell.home / "thin.png")
    (shell.home / "letter.jpg").write_text("no picture")
    target = shell.home / "out.safetensors"
    for words, said in (
        (("train", shell.home / "thin.png", "-o", target), "thin.png: 10x200 pixels"),
        (("train", painting, "--from", "nobody", "-o", target), "--from nobody"),
        (("train", painting, "--photographs", shell.home, "--steps", "1", "-o", target), "letter.jpg: not an image"),
        (("run", clip, "--style", shell.home / "letter.jpg", "-o", shell.home / "o.mp4"), "letter.jpg: not an image"),
        (("run", clip, "--style", "wave", "--train-minutes", "1", "-o", shell.home / "o.mp4"), "--train-minutes 1"),
    ):
        refused = shell(*words)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert said in refused.stderr.splitlines()[-1]
    assert not target.exists()
    assert not list((shell.home / "control/styles").rglob("*")), "no style and no lease is left"


@pytest.mark.slow
def test_a_training_without_a_finite_loss_says_so_and_writes_nothing(
    shell: Shell, painting: Path, photographs: Path
) -> None:
    wild = {name: tensor * 1e30 for name, tensor in TransformerNet().state_dict().items()}
    (shell.home / "wild.safetensors").write_bytes(write_checkpoint(wild, StyleCard(name="wild")))
    target = shell.home / "out.safetensors"
    start = ("--from", shell.home / "wild.safetensors", "--photographs", photographs)
    failed = shell("train", painting, *start, "--steps", "5", "-o", target)
    assert failed.returncode == 1
    assert "my stripes.png: " in failed.stderr
    assert "too early to keep a style" in failed.stderr
    assert not target.exists()
