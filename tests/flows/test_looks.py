"""Looks and models of the user's own through the whole pipeline, and previews, as a user has them."""

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from skimage import data

from restyle.cli import main
from tests.flows.conftest import FRAMES, Shell
from tests.media.recipes import ffmpeg

EXAMPLE = Path(__file__).parents[2] / "docs/examples/cartoon.py"
EXACT = ("--frames", "png", "--keep-frames", "--batch-size", "16")


def report(shell: Shell, clip: Path, *options: str | Path) -> dict[str, object]:
    """Run to success; returns the report."""
    made = shell("run", clip, "-o", shell.home / "out.mp4", "--report", shell.home / "report.json", *options)
    assert made.returncode == 0, made.stderr
    content: dict[str, object] = json.loads((shell.home / "report.json").read_text())
    return content


def images(shell: Shell, job_id: object, kind: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """All source or painted frames of a job."""
    paths = sorted((shell.home / f"data/work/{job_id}/{kind}").iterdir())
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])


def cartoon() -> ModuleType:
    """The example as a module, under a name that no command uses."""
    spec = importlib.util.spec_from_file_location("cartoon_of_the_docs", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_callable_and_its_exported_program_paint_a_video_alike(shell: Shell, clip: Path) -> None:
    shutil.copy(EXAMPLE, shell.home)
    made = report(shell, clip, "--model", "cartoon:paint", *EXACT)
    module = cartoon()
    source, painted = images(shell, made["job_id"], "frames"), images(shell, made["job_id"], "styled")
    assert len(painted) == made["frames_out"] == FRAMES
    assert np.abs(painted - module.paint(source).astype(int)).max() <= 1  # another number of threads, a last bit
    assert np.abs(painted.astype(int) - source).mean() > 3
    again = report(shell, clip, "--model", "cartoon:paint", *EXACT)
    assert (again["job_id"], again["reused_batches"]) == (made["job_id"], 3)
    module.export(str(shell.home / "cartoon.pt2"))
    other = report(shell, clip, "--model", "cartoon.pt2", *EXACT)
    assert other["job_id"] != made["job_id"]
    np.testing.assert_allclose(images(shell, other["job_id"], "styled").astype(int), painted, atol=1)
    (stored,) = (shell.home / "control/models").iterdir()
    assert stored.read_bytes() == (shell.home / "cartoon.pt2").read_bytes()


@pytest.mark.slow
def test_a_mix_with_a_look_is_a_job_of_its_own_that_is_resumed(shell: Shell, clip: Path) -> None:
    options = (
        "--style",
        "starry_night:0.6,wave:0.4",
        "--keep-color",
        "--stroke",
        "1.5",
        "--strength",
        "0.9",
        "--smooth",
        "0.5",
    )
    made = report(shell, clip, *options)
    style = made["style"]
    assert isinstance(style, dict)
    assert style["name"] == "starry_night:0.6,wave:0.4"
    assert len(style["sha256"]) == 64
    same = ("--style", "wave:2,starry_night:3", *options[2:])
    assert report(shell, clip, *same)["job_id"] == made["job_id"]


@pytest.mark.slow
def test_gatys_method_paints_a_clip_says_what_it_will_take_and_is_resumed(shell: Shell) -> None:
    tiny, painting = shell.home / "tiny.mp4", shell.home / "cat.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=48x32:rate=4:duration=1", "-pix_fmt", "yuv420p", tiny)
    Image.fromarray(data.chelsea()).save(painting)
    engine = ("--style", painting, "--engine", "gatys", "--batch-size", "2", "--keep-frames")
    made = shell("run", tiny, *engine, "-o", shell.home / "out.mp4", "--report", shell.home / "report.json")
    assert made.returncode == 0, made.stderr
    assert re.search(r"every frame is optimised: about \S+ (s|min) for each, .* of work in all", made.stderr)
    first = json.loads((shell.home / "report.json").read_text())
    assert (first["frames_out"], first["style"]["kind"], first["style"]["name"]) == (4, "gatys", "cat")
    styled = shell.stored(f"data/work/{first['job_id']}/styled")
    shell.home.joinpath(f"control/jobs/{first['job_id']}/ledger/000001.json").unlink()
    (shell.home / f"data/runs/{first['job_id']}/encodings").rename(shell.home / "elsewhere")
    again = report(shell, tiny, *engine)
    assert (again["job_id"], again["reused_batches"]) == (first["job_id"], 1)
    assert shell.stored(f"data/work/{first['job_id']}/styled") == styled


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--style", "wave"), "--engine gatys: optimises frames towards a painting, and wave is a style"),
        (("--model", "cartoon:paint"), "--engine gatys: --model cartoon:paint paints by itself"),
        (("--style", "no.jpg"), "no.jpg: cannot be read"),
        (("--style", "no.jpg", "--train-minutes", "3"), "--train-minutes 3: nothing is trained here"),
    ],
)
def test_gatys_method_asks_for_a_painting_in_one_sentence(
    tmp_path: Path, clip: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], server: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", server)
        code = main(["run", str(clip), *words, "--engine", "gatys", "-o", str(tmp_path / "out.mp4")])
    assert code == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return frames[:, ::2]", "returned uint8 of shape"),
        ("raise KeyError('no weights here')", "fails on frames of 96x64 pixels (KeyError: 'no weights here')"),
    ],
)
def test_a_model_that_breaks_its_promise_is_refused_before_the_first_batch(
    shell: Shell, clip: Path, body: str, said: str
) -> None:
    (shell.home / "odd.py").write_text(f"def paint(frames):\n    {body}\n")
    target = shell.home / "out.mp4"
    done = shell("run", clip, "--model", "odd:paint", "-o", target)
    assert done.returncode == 2, done.stderr
    assert f"--model odd:paint: {said}" in done.stderr.splitlines()[-1]
    assert not target.exists()
    assert not list((shell.home / "control/jobs").glob("*/plan.json"))


@pytest.mark.slow
def test_a_preview_needs_no_server_no_store_and_prints_its_path_last(tmp_path: Path, clip: Path) -> None:
    shell = Shell(tmp_path)
    done = shell("preview", clip, "--style", "wave", "--style", "starry_night:1,wave:1", "--stroke", "2")
    assert done.returncode == 0, done.stderr
    sheet = tmp_path / "small clip-preview.jpg"
    assert done.stdout == f"{sheet}\n"
    assert sheet.read_bytes().startswith(b"\xff\xd8")  # JPEG
    assert list(tmp_path.iterdir()) == [sheet]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--stroke", "2.1"), "argument --stroke: '2.1' is not a number from 0.5 to 2.0"),
        (("--stroke", "nan"), "argument --stroke: 'nan'"),
        (("--style", "no_such_style"), "no_such_style: no such style"),
        (("--style", "wave:1,starry_night:0"), "the weight 0 of starry_night is not above 0"),
        (("--style", "starry_night:1,no_such_style:1"), "no_such_style: no such style"),
        (("-o", "sheet.gif"), "no kind of sheet"),
        (("-o", "no/such/folder/sheet.jpg"), "cannot be written"),
    ],
)
def test_an_odd_preview_is_refused_in_one_sentence(
    tmp_path: Path,
    clip: Path,
    words: tuple[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["preview", str(clip), *words])
    except SystemExit as left:
        code = int(left.code or 0)
    assert code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert not list(tmp_path.iterdir())
