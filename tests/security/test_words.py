"""Words of strangers, in names of files and in what films say of themselves, stay words."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.request import title
from restyle.errors import RestyleError
from restyle.layout import preview_sheet, rejected_trigger, segment_name, video
from restyle.media.geometry import painted_size
from restyle.media.mux import rehearse_mux
from restyle.media.options import OutputOptions
from restyle.media.probe import language_of, probe_video
from restyle.media.sound import extract_sound
from restyle.mix import file_words
from restyle.report_page import render
from restyle.storage import check_key
from restyle.storage.keys import is_key
from tests.media.recipes import AAC, X264, ffmpeg, picture, to_yuv, tone
from tests.test_report_page import Tags, batch, report

HOSTILE = (
    "../../etc/passwd",
    "..\\..\\windows",
    "x" * 10_000,
    "\x1b]0;owned\x07\x1b[31m",
    "a\r\nSet-Cookie: b",
    "$(touch pwned)`touch pwned`;touch pwned|touch pwned&",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% include 'x' %}{0.__class__}",
    "%s%n%d",
    "\u202egpj.exe",
    "\ud800",
    "-rf",
    ".",
    "",
)


@given(st.text(max_size=400) | st.sampled_from(HOSTILE))
@settings(deadline=None)
def test_whatever_a_file_is_called_its_key_is_a_key_in_its_folder(name: str) -> None:
    for key in (video("0" * 64, name), preview_sheet("id", segment_name(name))):
        assert check_key(key) == key
        assert key.count("/") == 1
        assert key.isprintable()


@given(st.text(max_size=400) | st.sampled_from(HOSTILE))
def test_whatever_a_style_is_called_its_words_are_one_name(name: str) -> None:
    words = file_words(name)
    assert "/" not in words
    assert words.isprintable()
    assert words.strip(".-") == words
    assert words


@given(st.text(min_size=1, max_size=100) | st.sampled_from(HOSTILE))
def test_a_rejected_trigger_stays_in_its_folder(name: str) -> None:
    key = f"triggers/{name}.json"
    if is_key(key):
        assert check_key(rejected_trigger(key)).startswith("triggers/rejected/")


@given(st.text(max_size=60) | st.sampled_from(HOSTILE))
@example("en-US")
@example("-")
def test_a_language_is_a_tag_or_none(said: str) -> None:
    found = language_of(said)
    assert found is None or (found == said and found.replace("-", "").isalnum() and found.isascii())


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that says hostile things in each field it has, under a hostile name."""
    folder = tmp_path_factory.mktemp("words")
    words = folder / "words.srt"
    lines = "\n".join(line.replace("\x1b", "").replace("\ud800", "") for line in HOSTILE if line)
    words.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{lines}\n")
    hostile = "\x1b[31m<script>alert(1)</script>$(touch pwned)"
    said = [f"{field}={hostile}" for field in ("title", "artist", "comment", "encoder", "x" * 500)]
    film = folder / "$(touch pwned) `touch pwned`; 'x' \"y\" <b>&|.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", f"{picture()},{to_yuv()}", *tone(seconds=0.5), "-i", words, "-t", "0.4",
        "-map", "0", "-map", "1", "-map", "2", *X264, *AAC, "-c:s", "copy",
        *(option for one in said for option in ("-metadata", one)),
        "-metadata:s:a:0", f"language={hostile}", "-metadata:s:a:0", f"title={hostile * 200}",
        "-metadata:s:s:0", f"language={'z' * 10_000}", "-metadata:s:v:0", f"title={hostile}", film,
    )  # fmt: skip
    return film


def test_a_film_of_hostile_words_is_read_and_its_words_do_nothing(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(film.parent)
    before = sorted(film.parent.iterdir())
    info = probe_video(film)
    assert [track.language for track in info.tracks] == [None, None]
    assert info.frame_count == 10
    plan = rehearse_mux(film, info, OutputOptions(suffix=".mp4"), painted_size(info, None))
    assert len(plan.kept("audio")) == len(plan.kept("subtitle")) == 1
    assert all(note.isprintable() for note in plan.notes)
    assert extract_sound(film, info, film.parent / "sound.mka")
    (film.parent / "sound.mka").unlink()
    assert sorted(film.parent.iterdir()) == before


def test_its_report_and_its_run_show_the_words_as_words(film: Path) -> None:
    shown = title(str(film), "wave")
    page = Tags(render(shown, report(batch(0, "w"), name=film.name), None))
    plain = Tags(render("clip in wave", report(batch(0, "w"), name="clip"), None))
    assert page.names() == plain.names()
    assert "$(touch pwned)" in "".join(page.texts)


@pytest.mark.parametrize("name", HOSTILE)
def test_an_error_about_a_hostile_name_is_one_of_ours(name: str, tmp_path: Path) -> None:
    with pytest.raises((RestyleError, ValueError)):  # ValueError: a name that no system call takes
        probe_video(tmp_path / name)
