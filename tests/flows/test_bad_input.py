"""Bad usage and bad input: exit 2, one sentence that names the input, nothing at the output's path."""

from pathlib import Path

import pytest

from tests.flows.conftest import Shell

STYLE = ("--style", "starry_night")


def refused(shell: Shell, *words: str | Path) -> str:
    """The one line said of bad input; checks that nothing else came of it."""
    target = shell.home / "out.mp4"
    done = shell("run", *words, "-o", target)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert not target.exists()
    return lines[0]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.mp4", None, "missing.mp4"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"hello, this is a letter\n" * 50, "text.mp4"),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist.mp4"),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", "concat.mp4"),
    ],
)
def test_a_file_that_is_no_video_is_refused_by_name(shell: Shell, name: str, content: bytes | None, said: str) -> None:
    path = shell.home / name
    if content is not None:
        path.write_bytes(content)
    assert said in refused(shell, path, *STYLE)


def test_a_truncated_video_without_its_index_is_refused(shell: Shell, clip: Path) -> None:
    path = shell.home / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:4000])
    assert "cut.mp4" in refused(shell, path, *STYLE)


def test_an_unknown_style_is_refused_and_the_known_ones_are_named(shell: Shell, clip: Path) -> None:
    said = refused(shell, clip, "--style", "no_such_style")
    assert "no_such_style" in said
    assert "starry_night" in said


def test_a_style_file_that_is_none_is_refused(shell: Shell, clip: Path) -> None:
    path = shell.home / "style.safetensors"
    path.write_bytes(b"not a checkpoint")
    assert "style.safetensors" in refused(shell, clip, "--style", path)


@pytest.mark.parametrize(
    "options",
    [
        ("--strength", "1.5"),
        ("--strength", "nan"),
        ("--stroke", "0.4"),
        ("--stroke", "nan"),
        ("--batch-size", "0"),
        ("--batch-size", "many"),
        ("--crf", "99"),
        ("--codec", "mpeg2"),
        ("--max-side", "1"),
        ("--workers", "0"),
        ("--frames", "gif"),
        ("--cluster", "nowhere"),
    ],
)
def test_odd_option_values_are_refused_by_name(shell: Shell, clip: Path, options: tuple[str, str]) -> None:
    said = refused(shell, clip, *STYLE, *options)
    assert options[0] in said
    assert options[1] in said


@pytest.mark.parametrize(
    "options",
    [
        ("--style", "starry_night:0.6,wave:-1"),
        ("--model", "nowhere:paint"),
        ("--model", "missing.pt2"),
    ],
)
def test_an_odd_mix_or_model_is_refused_by_name(shell: Shell, clip: Path, options: tuple[str, str]) -> None:
    said = refused(shell, clip, *options)
    assert options[1].rpartition(",")[2].partition(":")[0] in said


def test_a_style_and_a_model_exclude_each_other_and_one_is_needed(shell: Shell, clip: Path) -> None:
    assert "--model: not allowed with argument --style" in refused(shell, clip, *STYLE, "--model", "cartoon:paint")
    assert "one of the arguments --style --model is required" in refused(shell, clip)


def test_an_output_that_cannot_be_written_is_refused_before_any_work(shell: Shell, clip: Path) -> None:
    for target in (shell.home / "no/such/folder/out.mp4", shell.home, shell.home / "out.xyz"):
        done = shell("run", clip, *STYLE, "-o", target)
        assert done.returncode == 2, done.stderr
        assert str(target) in done.stderr or target.suffix in done.stderr
    assert not (shell.home / "data").exists()
