"""Owning ffmpeg: its failures are told, its stalls ended, and no way out leaves one running. About 15 s."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ffmpeg
import pytest

from restyle.errors import DiskFull, EncodingFailed
from restyle.media.inputs import Spec, own_input, untrusted_input
from restyle.media.limits import STDERR_TAIL_BYTES
from restyle.media.process import Ffmpeg, run_ffmpeg
from tests.media.clips import ClipCache
from tests.media.recipes import X264, video

FRAME = bytes(64 * 48 * 3)


def raw_to(target: Path, **options: str) -> Spec:
    """Raw frames from the pipe to a file."""
    source = ffmpeg.input("pipe:", format="rawvideo", pixel_format="rgb24", video_size=(64, 48), framerate=25)
    return source.output(f"file:{target}", format="matroska", vcodec="ffv1", **options)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, within_s: float = 10) -> bool:
    end = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_running(pid)


def test_failure_ends_with_what_ffmpeg_said(tmp_path: Path) -> None:
    (tmp_path / "text.mkv").write_text("not a video")
    spec = own_input(tmp_path / "text.mkv").output(f"file:{tmp_path / 'out.mkv'}")
    with pytest.raises(
        EncodingFailed, match=r"^copying a text: ffmpeg failed with exit code \d+: .*Invalid data found"
    ):
        run_ffmpeg(spec, tmp_path / "out.mkv", task="copying a text")


def test_program_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: "/no/such/ffmpeg")
    with pytest.raises(EncodingFailed, match="/no/such/ffmpeg does not start"):
        run_ffmpeg(raw_to(tmp_path / "out.mkv"), tmp_path / "out.mkv", task="encoding")


def test_data_after_ffmpeg_gave_up_raises_its_reason(tmp_path: Path) -> None:
    target = tmp_path / "no/such/folder.mkv"
    with (
        pytest.raises(EncodingFailed, match="No such file or directory"),
        Ffmpeg(raw_to(target), target, task="x") as run,
    ):
        for _ in range(10_000):
            run.write(FRAME)


def test_process_that_stalls_is_killed_and_said(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with (
        pytest.raises(EncodingFailed, match="no progress for 1 s"),
        Ffmpeg(raw_to(target), target, task="encoding", stall_s=1) as run,
    ):
        run.write(FRAME)
        os.kill(run.pid, signal.SIGSTOP)
        run.finish()
    assert gone(run.pid)


def test_slow_feeding_is_no_stall(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with Ffmpeg(raw_to(target), target, task="encoding", stall_s=1) as run:
        run.write(FRAME)
        time.sleep(3)
        run.write(FRAME)
        run.finish()
    assert target.stat().st_size > 0


def test_leaving_early_leaves_no_process(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with pytest.raises(KeyboardInterrupt), Ffmpeg(raw_to(target), target, task="encoding") as run:
        run.write(FRAME)
        raise KeyboardInterrupt
    assert not is_running(run.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise to end children is Linux's")
def test_killed_parent_leaves_no_process(tmp_path: Path, clips: ClipCache) -> None:
    """The child reads a file in real time, so that only the parent's death can end it soon."""
    parent = f"""
from pathlib import Path
from restyle.media.inputs import untrusted_input
from restyle.media.process import Ffmpeg
target = Path({str(tmp_path / "out.mkv")!r})
spec = untrusted_input(re=None, stream_loop=-1).output(f"file:{{target}}", c="copy", t=60)
with Ffmpeg(spec, target, task="x", source=Path({str(clips["cfr_25"])!r})) as run:
    print(run.pid, flush=True)
    run.finish()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert is_running(pid)
        process.kill()
    assert gone(pid)


def test_full_disk_is_told_from_other_failures(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    target.symlink_to("/dev/full")
    with (
        pytest.raises(DiskFull, match=r"is full; free space .* and run the same command again"),
        Ffmpeg(raw_to(target), target, task="encoding") as run,
    ):
        for _ in range(200):
            run.write(os.urandom(len(FRAME)))
        run.finish()


def test_flood_of_complaints_neither_blocks_nor_fills_memory(tmp_path: Path) -> None:
    """Three hundred broken pictures make ffmpeg say more than a pipe holds."""
    clip, target = tmp_path / "broken.ts", tmp_path / "out.nut"
    video(*X264, "-g", "1", "-f", "mpegts", frames=300)(clip)
    data = bytearray(clip.read_bytes())
    for offset in range(4000, len(data), 61):
        data[offset] ^= 0x5A
    clip.write_bytes(data)
    spec = untrusted_input(max_error_rate=1).output(f"file:{target}", vcodec="rawvideo")
    with Ffmpeg(spec, target, task="x", source=clip) as run:
        run.finish()
        assert 0 < len(run.said) <= 2 * STDERR_TAIL_BYTES


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile 'secret.mkv'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.mkv\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
    ],
    ids=["concat", "hls", "dash"],
)
def test_source_that_names_other_files_is_refused(tmp_path: Path, script: str) -> None:
    video(*X264, frames=2)(tmp_path / "secret.mkv")
    playlist = tmp_path / "holiday.mp4"
    playlist.write_text(script)
    target = tmp_path / "out.mkv"
    with pytest.raises(EncodingFailed):
        run_ffmpeg(untrusted_input().output(f"file:{target}", c="copy"), target, task="copying", source=playlist)
    assert not target.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_neither_names_nor_secrets_reach_the_process(
    tmp_path: Path, clips: ClipCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", "AccountKey=hidden")
    monkeypatch.setenv("FFREPORT", f"file={tmp_path / 'report.txt'}")
    target = tmp_path / "out.mkv"
    spec = untrusted_input(re=None).output(f"file:{target}", c="copy")
    with Ffmpeg(spec, target, task="x", source=clips["cfr_25"]) as run:
        proc = Path(f"/proc/{run.pid}")
        assert b"hidden" not in (proc / "environ").read_bytes()
        assert b"cfr_25" not in (proc / "cmdline").read_bytes()
    assert not (tmp_path / "report.txt").exists()
