"""No video makes restyle read another file, call an address, break or hang: traps by hand, and 500 damaged files."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bench.damage import SEEDS
from bench.fuzz import Tally, fuzz
from restyle.errors import EncodingFailed, RestyleError
from restyle.media import decoder_process
from restyle.media.inputs import own_input, untrusted_input
from restyle.media.probe import probe_video
from restyle.media.process import run_ffmpeg
from tests.media.recipes import FFMPEG, ffmpeg
from tests.security.traps import TRAPS, external_track
from tests.security.watchmen import Canary, Listener, canary, listener

FUZZED, SEED = 500, 20_261


@pytest.fixture
def bait(tmp_path: Path) -> Iterator[Canary]:
    """A real video that nobody may open."""
    path = tmp_path / "elsewhere" / "canary.png"
    path.parent.mkdir()
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", path)
    with canary(path) as watched:
        yield watched


@pytest.fixture
def port() -> Iterator[Listener]:
    with listener() as heard:
        yield heard


@pytest.fixture(params=["confined", "unconfined"])
def sandboxed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sandbox, and with libav's own lists alone, as on a kernel that offers nothing."""
    if request.param == "confined":
        return
    started = subprocess.Popen

    def unconfined(command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # what Popen takes
        words = ["tests.security.unconfined" if word == "restyle.media.probe_child" else word for word in command]
        assert words != command
        return started(words, **options)

    monkeypatch.setattr("restyle.media.sandbox._enter", lambda *_: None)
    monkeypatch.setattr(decoder_process, "subprocess", _Subprocess(unconfined))


class _Subprocess:
    PIPE = subprocess.PIPE

    def __init__(self, popen: Any) -> None:  # in place of Popen
        self.Popen = popen


@pytest.mark.parametrize("name", sorted(TRAPS))
def test_a_file_that_names_others_is_not_followed(
    name: str, bait: Canary, port: Listener, sandboxed: None, tmp_path: Path
) -> None:
    trap = TRAPS[name](tmp_path, str(bait.path), f"http://127.0.0.1:{port.port}/")
    bait.opened()  # while the trap was made
    for uploaded in (trap, trap.rename(tmp_path / f"holiday{trap.suffix}.mp4")):
        if not uploaded.exists():
            continue
        with suppress(RestyleError):
            probe_video(uploaded)
        target = tmp_path / "copied.mkv"
        with suppress(EncodingFailed):
            spec = untrusted_input().output(f"file:{target}", c="copy", map=0)
            run_ffmpeg(spec, target, task="copying", source=uploaded, stall_s=20)
    assert bait.opened() == 0
    assert port.calls == []


@pytest.mark.parametrize(
    "name", ["hls of a path", "concat of a file", "concat of a file beside it", "hls of an address"]
)
def test_extracted_sound_that_others_replaced_in_the_store_is_not_followed(
    name: str, bait: Canary, port: Listener, sandboxed: None, tmp_path: Path
) -> None:
    trap = TRAPS[name](tmp_path, str(bait.path), f"http://127.0.0.1:{port.port}/")
    sound, target = trap.rename(tmp_path / "audio.mka"), tmp_path / "out.mkv"
    bait.opened()
    with pytest.raises(EncodingFailed):
        run_ffmpeg(own_input(sound).output(f"file:{target}", c="copy"), target, task="muxing")
    assert bait.opened() == 0
    assert port.calls == []


def test_the_traps_catch_those_who_follow(bait: Canary, port: Listener, tmp_path: Path) -> None:
    """ffmpeg itself, told to trust, opens the canary and calls the port: the traps above are real."""
    address = f"http://127.0.0.1:{port.port}/"

    def follow(trap: Path, *options: str) -> None:
        command = [FFMPEG, "-v", "error", "-nostdin", *options, "-i", str(trap), "-f", "null", "-"]
        subprocess.run(command, capture_output=True, timeout=60, check=False)

    trust = ("-protocol_whitelist", "file,crypto,data,http,tcp,udp,rtp", "-allowed_extensions", "ALL")
    for name, options in {
        "hls of a path": (*trust, "-extension_picky", "0"),
        "concat of a file": ("-safe", "0"),
        "pictures by a pattern": (),
    }.items():
        trap = TRAPS[name](tmp_path, str(bait.path), address)
        bait.opened()
        if name == "pictures by a pattern":
            (tmp_path / "frame1.png").unlink()
            (tmp_path / "frame1.png").symlink_to(bait.path)
            trap.unlink()
        follow(trap, *options)
        assert bait.opened() > 0, name
    for levels in ((0, 0), (1, 2)):
        film = external_track(b"alis", levels)(tmp_path, str(bait.path), address)
        bait.opened()
        follow(film, "-enable_drefs", "1", "-use_absolute_path", "1")
        assert bait.opened() > 0, levels
    follow(TRAPS["hls of an address"](tmp_path, str(bait.path), address), *trust, "-extension_picky", "0")
    assert "tcp" in port.calls


def test_500_damaged_files_break_nothing_and_reach_nothing(bait: Canary, port: Listener, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{port.port}/"
    strings = (str(bait.path), f"file://{bait.path}", address, f"concat:{bait.path}|{address}", f"#EXTM3U\n{address}\n")
    tally = Tally(SEED)
    for outcome in fuzz(range(FUZZED), SEED, tmp_path, tuple(words.encode() for words in strings)):
        tally.add(outcome)
    assert tally.faults == [], tally.as_json()
    assert tally.kinds.total() == FUZZED
    assert tally.kinds["UnsupportedMedia"] > FUZZED / 10, "damage that harms nothing tests nothing"
    assert tally.kinds["video"] + tally.kinds["video, decoded"] > FUZZED / 10, "so does damage that leaves nothing"
    assert bait.opened() == 0
    assert port.calls == []
    assert not [path for path in tmp_path.iterdir() if path.name not in {*SEEDS, "words.srt", "elsewhere"}]
