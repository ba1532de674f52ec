"""The decoder process: ``python -m restyle.media.child FD look|probe|decode DETAIL``.

It reads the video from the open file FD, commands from stdin (a line ``START STOP`` asks for those frames), and writes
messages (see wire) to stdout. libav meets untrusted bytes only here, where it can be killed. The end of stdin ends the
process at once: a parent that dies, however it dies, leaves no child behind. (Linux' PR_SET_PDEATHSIG would kill it as
soon as the *thread* that started it ends.)
"""

import json
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from queue import SimpleQueue

import av.logging

from restyle.media import limits, wire
from restyle.media.facts import gather, look
from restyle.media.render import Renderer, Stamped, filtered
from restyle.media.source import Refused, open_source
from restyle.media.timeline import Clock, ticks_per_second

_PROGRESS_EVERY_S = 0.5


class _Output:
    """Messages to the parent, over what stdout was; anything printed goes to stderr from now on."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)
        self._spoken = time.monotonic()

    def send(self, kind: bytes, payload: bytes | memoryview = b"", frame: int = 0, pts: int = 0) -> None:
        """Write one message; waits while the parent is busy."""
        for part in (wire.pack(kind, frame, pts, len(payload)), payload):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        self._spoken = time.monotonic()

    def progress(self, frames: int) -> None:
        """Show life while nothing else is said."""
        if time.monotonic() - self._spoken > _PROGRESS_EVERY_S:
            self.send(wire.PROGRESS, frame=frames)


def _read_commands(commands: "SimpleQueue[tuple[int, int]]") -> None:
    for line in sys.stdin.buffer:
        start, stop = line.split()
        commands.put((int(start), int(stop)))
    os._exit(0)


def _decode(fd: int, recipe: wire.Recipe, commands: "SimpleQueue[tuple[int, int]]", output: _Output) -> None:
    """Answer commands, which only ever go forward, until the parent ends the process or the video ends."""
    with open_source(fd, recipe.threads, recipe.stream_index) as source:
        clock = Clock(recipe.first_pts, source.step, ticks_per_second(source.time_base))
        frames: Iterator[Stamped] = ((clock.stamp(frame.pts), frame) for frame in source.frames())
        frames = filtered(frames, source.time_base, recipe)
        renderer = Renderer(recipe)
        start, stop = commands.get()
        index = -1
        for index, (pts, frame) in enumerate(frames):
            while index >= stop:
                start, stop = commands.get()
            if index >= start:
                output.send(wire.FRAME, renderer.rgb(frame).data.cast("B"), index, pts)
            else:
                output.progress(index)
        output.send(wire.END, frame=index + 1)
        commands.get()  # nothing more to give: wait for the end of stdin, which ends the process


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(kind, (most, most))


def main(arguments: list[str]) -> None:
    """Run as the parent asked; every failure becomes a message."""
    fd, mode, detail = int(arguments[0]), arguments[1], arguments[2]
    output = _Output()
    commands: SimpleQueue[tuple[int, int]] = SimpleQueue()
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    _limit(resource.RLIMIT_AS, limits.CHILD_MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.ERROR)
    try:
        if mode == "probe":
            facts = gather(fd, int(detail), output.progress)
            output.send(wire.RESULT, wire.to_json(facts))
        elif mode == "look":
            look(fd)
            output.send(wire.RESULT, wire.to_json({}))
        else:
            _decode(fd, wire.Recipe(*json.loads(detail)), commands, output)
    except Refused as refusal:
        output.send(wire.REFUSED, wire.to_json(str(refusal)))
    except Exception as error:  # noqa: BLE001  (the last line of defence: the parent names the file and raises)
        traceback.print_exc()
        output.send(wire.FAILED, wire.to_json(f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    main(sys.argv[1:])
