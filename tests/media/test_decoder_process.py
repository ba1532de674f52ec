"""No decoder process outlives its use, whatever ends it; a hang or a crash becomes one clear error."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from restyle.errors import DecodingFailed
from restyle.media import limits
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from tests.media.clips import ClipCache
from tests.media.conftest import Probed


def decoders_of(parent: int) -> list[int]:
    """Process ids of the decoder processes, zombies included, whose parent is this process."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, NotADirectoryError):
            continue
        if entry.name.isdigit() and int(after_name[1]) == parent:
            found.append(int(entry.name))
    return found


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # dead; its new parent has not reaped it yet
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def decoder(clips: ClipCache, probed: Probed) -> FrameDecoder:
    return FrameDecoder(clips["long_gop"], probed("long_gop"))


def test_leaving_the_context_ends_the_process(decoder: FrameDecoder) -> None:
    before = decoders_of(os.getpid())
    with decoder:
        next(decoder.frames(0, 60))
    assert decoders_of(os.getpid()) == before


def test_an_error_half_way_ends_the_process(decoder: FrameDecoder) -> None:
    before = decoders_of(os.getpid())
    with pytest.raises(ZeroDivisionError), decoder:
        for _ in decoder.frames(0, 60):
            raise ZeroDivisionError
    assert decoders_of(os.getpid()) == before


def test_an_abandoned_range_ends_the_process_and_the_next_range_works(decoder: FrameDecoder) -> None:
    before = decoders_of(os.getpid())
    with decoder:
        for _ in decoder.frames(3, 60):
            break
        assert decoders_of(os.getpid()) == before
        assert len(list(decoder.frames(3, 9))) == 6


def test_a_killed_decoder_is_an_error_that_names_the_signal(decoder: FrameDecoder) -> None:
    with decoder, pytest.raises(DecodingFailed, match=r"long_gop.mp4: the decoder ended early \(exit status -9\)"):
        for number, _ in enumerate(decoder.frames(0, 60)):
            if number == 2:
                assert decoder._child
                os.kill(decoder._child.pid, signal.SIGKILL)
    assert decoder._child is None


def test_a_decoder_that_used_up_its_processor_time_is_an_error_that_says_so(decoder: FrameDecoder) -> None:
    """The kernel sends this signal when RLIMIT_CPU is reached; here nobody waits a week for it."""
    with decoder, pytest.raises(DecodingFailed, match="took 168 hours of processor time, the limit"):
        for number, _ in enumerate(decoder.frames(0, 60)):
            if number == 2:
                assert decoder._child
                limited = resource.prlimit(decoder._child.pid, resource.RLIMIT_CPU)
                assert limited == (limits.CHILD_CPU_S, limits.CHILD_CPU_S)
                os.kill(decoder._child.pid, signal.SIGXCPU)


def test_a_hanging_decoder_is_ended(decoder: FrameDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = decoders_of(os.getpid())
    monkeypatch.setattr(limits, "STALL_S", 1.0)
    with decoder, pytest.raises(DecodingFailed, match="no progress for 1 s"):
        for number, _ in enumerate(decoder.frames(0, 60)):
            if number == 2:
                assert decoder._child
                os.kill(decoder._child.pid, signal.SIGSTOP)
    assert decoders_of(os.getpid()) == before


def test_a_probe_leaves_no_process(clips: ClipCache) -> None:
    before = decoders_of(os.getpid())
    probe_video(clips["one_frame"])
    assert decoders_of(os.getpid()) == before


PARENT = """
import sys, time
from pathlib import Path
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
path = Path(sys.argv[1])
decoder = FrameDecoder(path, probe_video(path))
frames = decoder.frames(0, 60)
next(frames)
print(decoder._child.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_parent_leaves_no_decoder(clips: ClipCache) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(clips["long_gop"])], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert not gone_now(child)
        parent.kill()
    assert gone(child)


def gone_now(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_the_process_outlives_the_thread_that_started_it(decoder: FrameDecoder) -> None:
    """A worker's threads come and go; the next batch may be asked for by another one."""
    with decoder:
        counts: list[int] = []
        for start in (0, 10, 20):
            thread = threading.Thread(target=lambda at=start: counts.append(len(list(decoder.frames(at, at + 10)))))
            thread.start()
            thread.join()
        assert counts == [10, 10, 10]


def test_the_decoder_gets_no_secret(decoder: FrameDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", "https://account.example/container?sig=secret")
    with decoder:
        next(frames := decoder.frames(0, 2))
        assert decoder._child
        environment = Path(f"/proc/{decoder._child.pid}/environ").read_bytes()
        frames.close()
    assert b"PATH=" in environment
    assert b"secret" not in environment
