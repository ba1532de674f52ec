"""What every decoder process does: ``python -m restyle.media.decode_child FD DETAIL``, or ``probe_child``.

It reads the video from the open file FD (or over pipes, see ranged), commands from stdin (see Command), and writes
messages (see wire) to stdout. libav meets untrusted bytes only here, where it can be killed and can reach nothing (see
sandbox). The end of stdin ends the process at once: a parent that dies, however it dies, leaves no child behind.
(Linux' PR_SET_PDEATHSIG would kill it as soon as the *thread* that started it ends.)
"""

import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

# PyAV would load these when it first meets such a stream: too late, once no file can be opened.
import av.audio.codeccontext
import av.audio.stream
import av.logging
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream

from restyle.media import limits, wire
from restyle.media.ranged import opener
from restyle.media.sandbox import confine_this_process, limit
from restyle.media.source import Open, Refused


class Command(NamedTuple):
    """Frames [start, stop) are wanted; first jump to the key frame of number `key` and time `key_pts`, unless -1."""

    start: int
    stop: int
    key: int
    key_pts: int


Commands = SimpleQueue[Command]

_PROGRESS_EVERY_S = 0.5


class Output:
    """Messages to the parent, over what stdout was; anything printed goes to stderr from now on."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)
        self._spoken = time.monotonic()

    def send(
        self, kind: bytes, payload: bytes | memoryview = b"", frame: int = 0, pts: int = 0, checksum: int = 0
    ) -> None:
        """Write one message; waits while the parent is busy."""
        for part in (wire.pack(kind, frame, pts, checksum, len(payload)), payload):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        self._spoken = time.monotonic()

    def progress(self, frames: int) -> None:
        """Show life while nothing else is said."""
        if time.monotonic() - self._spoken > _PROGRESS_EVERY_S:
            self.send(wire.PROGRESS, frame=frames)


def serve(answer: Callable[[Open, str, Commands, Output], None]) -> None:
    """Let answer deal with the video and the detail the parent names; every failure becomes a message."""
    video, detail = opener(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the parent decides what it means
    output = Output()
    commands = Commands()
    limit(resource.RLIMIT_AS, limits.CHILD_MEMORY_BYTES)
    limit(resource.RLIMIT_CPU, limits.CHILD_CPU_S)
    limit(resource.RLIMIT_NOFILE, limits.CHILD_FILES)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        limit(kind, 0)
    confine_this_process()  # all modules are loaded by now, and there is one thread
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.ERROR)
    try:
        answer(video, detail, commands, output)
    except Refused as refusal:
        output.send(wire.REFUSED, wire.to_json(str(refusal)))
    except Exception as error:  # noqa: BLE001  (the last line of defence: the parent names the file and raises)
        traceback.print_exc()
        output.send(wire.FAILED, wire.to_json(f"{type(error).__name__}: {error}"))


def _read_commands(commands: Commands) -> None:
    for line in sys.stdin.buffer:
        commands.put(Command(*map(int, line.split())))
    os._exit(0)
