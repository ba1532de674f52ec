"""The decoder process that says what a video is: all of it, or only whether it is one."""

from restyle.media import wire
from restyle.media.child import Commands, Output, serve
from restyle.media.facts import gather, look
from restyle.media.source import Open


def _probe(video: Open, detail: str, _commands: Commands, output: Output) -> None:
    """detail: ``look``, or for a full probe the number of decoder threads, with a ``+`` where frames are checked."""
    if detail == "look":
        look(video)
        output.send(wire.RESULT, wire.to_json({}))
    else:
        facts = gather(video, int(detail.removesuffix("+")), detail.endswith("+"), output.progress)
        output.send(wire.RESULT, wire.to_json(facts))


if __name__ == "__main__":
    serve(_probe)
