"""The decoder process that gives out frames."""

import json
from collections.abc import Iterator

from restyle.media import wire
from restyle.media.child import Commands, Output, serve
from restyle.media.render import Renderer, Stamped, filtered
from restyle.media.source import open_source
from restyle.media.timeline import Clock, ticks_per_second


def _decode(fd: int, recipe: str, commands: Commands, output: Output) -> None:
    """Answer commands, which only ever go forward, until the parent ends the process or the video ends."""
    plan = wire.Recipe(*json.loads(recipe))
    with open_source(fd, plan.threads, plan.stream_index) as source:
        clock = Clock(plan.first_pts, source.step, ticks_per_second(source.time_base))
        stamped: Iterator[Stamped] = ((clock.stamp(frame.pts), frame) for frame in source.frames())
        renderer = Renderer(plan)
        start, stop = commands.get()
        index = -1
        for index, (pts, frame) in enumerate(filtered(stamped, source.time_base, plan)):
            while index >= stop:
                start, stop = commands.get()
            if index >= start:
                output.send(wire.FRAME, renderer.rgb(frame).data.cast("B"), index, pts)
            else:
                output.progress(index)
        output.send(wire.END, frame=index + 1)
        commands.get()  # nothing more to give: wait for the end of stdin, which ends the process


if __name__ == "__main__":
    serve(_decode)
