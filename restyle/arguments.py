"""What several commands take, and how values on the command line are checked."""

import argparse
import re
from collections.abc import Callable
from typing import TypeVar, get_args

from restyle.domain import Codec

CLOUD_KINDS = ("kubernetes", "azure-vm")
"""Clusters of other machines, which come and go."""
CLUSTER_KINDS = ("auto", "cuda", "local", *CLOUD_KINDS)
CLUSTERS = f"{', '.join(CLUSTER_KINDS)} or an address such as tcp://HOST:8786"
Number = TypeVar("Number", int, float)


def bounded(kind: type[Number], low: Number, high: Number, what: str) -> Callable[[str], Number]:
    """An argparse type for a number within [low, high]."""

    def parse(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            value = high + 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {low} to {high}")
        return value

    return parse


def batch_size(text: str) -> int | None:
    """An argparse type for frames per batch; None for auto."""
    return None if text == "auto" else bounded(int, 1, 100_000, "auto, or a number of frames")(text)


def cluster(text: str) -> str:
    """An argparse type for a kind of cluster or a scheduler's address."""
    if not is_cluster(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not {CLUSTERS}")
    return text


def is_cluster(text: str) -> bool:
    """Whether this names a kind of cluster or a scheduler's address."""
    return text in CLUSTER_KINDS or re.fullmatch(r"(tcp|tls|wss?)://[^/\s]+(/\S*)?", text) is not None


def add_look(parser: argparse.ArgumentParser, max_side: int | None = None) -> None:
    """The options that change a painted frame; max_side: pixels, where the command has a default."""
    parser.add_argument(
        "--strength",
        type=bounded(float, 0.0, 1.0, "a number"),
        default=1.0,
        metavar="0..1",
        help="0 gives the source's pixels, 1 the full style (default 1)",
    )
    parser.add_argument("--keep-color", action="store_true", help="the source's colours, the painting's brightness")
    parser.add_argument(
        "--stroke",
        type=bounded(float, 0.5, 2.0, "a number"),
        default=1.0,
        metavar="0.5..2",
        help="broader strokes above 1, finer below (default 1)",
    )
    parser.add_argument(
        "--max-side",
        type=bounded(int, 16, 16384, "a size in pixels"),
        default=max_side,
        metavar="PX",
        help=f"scale frames down to this longer side before painting (default: {max_side or 'as the source'})",
    )


def add_painting(parser: argparse.ArgumentParser) -> None:
    """What decides how a video is painted and encoded."""
    parser.add_argument("video", metavar="VIDEO", help="a video file, or data:KEY for a blob of the data store")
    painter = parser.add_mutually_exclusive_group(required=True)
    painter.add_argument(
        "--style",
        help="a name from `restyle styles`, a checkpoint (.safetensors, .pth), a painting (an image file: a style is "
        "trained from it once), or a mix: starry_night:0.6,wave:0.4",
    )
    painter.add_argument(
        "--model", metavar="MODULE:CALLABLE|FILE", help="your own model in place of a style; it runs as code"
    )
    parser.add_argument(
        "--engine",
        choices=("auto", "full", "fast", "gatys"),
        default="auto",
        help="full: the style's network; fast: a shipped style's smaller network, at four to five times the speed; "
        "gatys: every frame is optimised towards a painting, slow, for stills and short clips (default auto: full)",
    )
    add_look(parser)
    parser.add_argument(
        "--smooth",
        type=bounded(float, 0.0, 1.0, "a number"),
        default=0.0,
        metavar="0..1",
        help="calmer paintings: each is blended with the one before, moved along with the picture; paints a few frames "
        "more per batch (default 0: not at all)",
    )
    parser.add_argument(
        "--frames",
        choices=("jpeg", "png", "none"),
        default="jpeg",
        help="how frames are stored on their way; none: not at all, workers decode, paint and encode (default jpeg)",
    )
    parser.add_argument(
        "--codec",
        choices=get_args(Codec),
        default="h264",
        help="of the output; those in _nvenc are encoded by the workers' NVIDIA GPUs (default h264)",
    )
    parser.add_argument(
        "--crf",
        type=bounded(int, 0, 63, "a quality"),
        metavar="N",
        help="quality of the output: lower is better and larger (default: per codec)",
    )
