"""The decoder process that says what a video is: all of it, or only whether it is one."""

from restyle.media import wire
from restyle.media.child import Commands, Output, serve
from restyle.media.facts import gather, look


def _probe(fd: int, detail: str, _commands: Commands, output: Output) -> None:
    """detail: ``look``, or the number of decoder threads for a full probe."""
    if detail == "look":
        look(fd)
        output.send(wire.RESULT, wire.to_json({}))
    else:
        output.send(wire.RESULT, wire.to_json(gather(fd, int(detail), output.progress)))


if __name__ == "__main__":
    serve(_probe)
