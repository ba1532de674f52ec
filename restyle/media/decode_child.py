"""The decoder process that gives out frames."""

import json
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import av

from restyle.media import wire
from restyle.media.child import Command, Commands, Output, serve
from restyle.media.facts import checksum
from restyle.media.render import Renderer, Stamped, filtered
from restyle.media.source import Open, Source, open_source
from restyle.media.timeline import Clock, ticks_per_second


class _Decoded(NamedTuple):
    """A frame of this number, ready to be converted, and the coded frame it came from."""

    number: int
    pts: int
    frame: av.VideoFrame
    coded: av.VideoFrame


def _decode(video: Open, recipe: str, commands: Commands, output: Output) -> None:
    """Answer commands until the parent ends the process; without a jump they only ever go forward."""
    plan = wire.Recipe(*json.loads(recipe))
    with open_source(video, plan.threads, plan.stream_index) as source:
        renderer = Renderer(plan)
        index, decoded = -1, _decoded(source, plan)
        while True:
            command = commands.get()
            if command.key >= 0:
                index, decoded = command.key - 1, _decoded_from(source, plan, command)
            for one in decoded:
                index = one.number
                if index >= command.start:
                    crc = checksum(one.coded) if plan.checked else 0
                    output.send(wire.FRAME, renderer.rgb(one.frame).data.cast("B"), index, one.pts, crc)
                else:
                    output.progress(index)
                if index + 1 == command.stop:
                    break
            else:
                output.send(wire.END, frame=index + 1)


def _decoded(source: Source, plan: wire.Recipe) -> Iterator[_Decoded]:
    clock = Clock(plan.first_pts, source.step, ticks_per_second(source.time_base))
    return _numbered(((clock.stamp(frame.pts), frame) for frame in source.frames()), source, plan, 0)


def _decoded_from(source: Source, plan: wire.Recipe, command: Command) -> Iterator[_Decoded]:
    """From a key frame on; what is shown before it belongs to the group of pictures before. Empty if it is not met.

    Containers without an index are sought by the times of decoding, which come before those of display.
    """
    for earlier_s in (0, 2):
        source.seek(command.key_pts - earlier_s * ticks_per_second(source.time_base))
        frames = source.frames()
        first = next((frame for frame in frames if frame.pts is None or frame.pts >= command.key_pts), None)
        if first is not None and first.pts == command.key_pts:
            stamped = ((-1 if frame.pts is None else frame.pts, frame) for frame in chain([first], frames))
            return _numbered(stamped, source, plan, command.key)
    return iter(())


def _numbered(frames: Iterator[Stamped], source: Source, plan: wire.Recipe, first: int) -> Iterator[_Decoded]:
    coded: deque[av.VideoFrame] = deque()

    def remembered() -> Iterator[Stamped]:
        for pts, frame in frames:
            coded.append(frame)
            yield pts, frame

    for index, (pts, frame) in enumerate(filtered(remembered(), source.time_base, plan), first):
        yield _Decoded(index, pts, frame, coded.popleft())


if __name__ == "__main__":
    serve(_decode)
