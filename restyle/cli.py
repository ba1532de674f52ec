"""The command line: parse, call one function, print. Exit codes: 0 done, 1 the job failed, 2 bad usage or input."""

import argparse
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from restyle import __version__
from restyle.errors import InputError, RestyleError

Number = TypeVar("Number", int, float)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options) or 0)
    except RestyleError as error:
        print(f"restyle: {error}", file=sys.stderr)
        if not isinstance(error, InputError):
            _say_how_to_resume(arguments)
        code = error.exit_code
    except KeyboardInterrupt:
        print("restyle: stopped", file=sys.stderr)
        _say_how_to_resume(arguments)
        code = 1
    except Exception as error:  # noqa: BLE001  (the last resort: one sentence instead of a wall)
        print(f"restyle: {type(error).__name__}: {error} (-v shows where)", file=sys.stderr)
        if getattr(options, "verbose", False):
            traceback.print_exc()
        _say_how_to_resume(arguments)
        code = 1
    return code


def _say_how_to_resume(arguments: Sequence[str] | None) -> None:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        print(f"What is painted is kept. To go on: restyle {shlex.join(words)}", file=sys.stderr)


def _run(options: argparse.Namespace) -> int:
    from restyle.commands.run import run

    return run(options)


def _styles(_options: argparse.Namespace) -> int:
    from restyle.commands.styles import list_styles

    return list_styles()


def _check(_options: argparse.Namespace) -> int:
    from restyle.commands.check import check

    return check()


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


def cluster(text: str) -> str:
    """An argparse type for a kind of cluster or a scheduler's address."""
    if text not in ("auto", "cuda", "local") and not re.fullmatch(r"(tcp|tls|wss?)://[^/\s]+(/\S*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, cuda, local or an address such as tcp://HOST:8786")
    return text


class _Parser(argparse.ArgumentParser):
    """Errors in one sentence, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"restyle: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="restyle", description="Paint whole videos in the style of a painting.")
    parser.add_argument("--version", action="version", version=f"restyle {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="paint a video")
    run.set_defaults(command=_run)
    run.add_argument("video", metavar="VIDEO", help="a video file, or data:KEY for a blob of the data store")
    run.add_argument(
        "--style", required=True, help="a name from `restyle styles`, or a .safetensors or .pth checkpoint"
    )
    run.add_argument(
        "-o", "--output", metavar="OUT", help="where the painted video goes (default: VIDEO-STYLE.mp4 here)"
    )
    run.add_argument(
        "--strength",
        type=bounded(float, 0.0, 1.0, "a number"),
        default=1.0,
        metavar="0..1",
        help="0 gives the source's pixels, 1 the full style (default 1)",
    )
    run.add_argument(
        "--max-side",
        type=bounded(int, 16, 16384, "a size in pixels"),
        metavar="PX",
        help="scale frames down to this longer side before painting",
    )
    run.add_argument(
        "--batch-size",
        type=bounded(int, 1, 100_000, "a number of frames"),
        default=24,
        metavar="N",
        help="frames per batch, the unit of work and of retry (default 24)",
    )
    run.add_argument("--frames", choices=("jpeg", "png"), default="jpeg", help="how frames are stored (default jpeg)")
    run.add_argument("--codec", choices=("h264", "hevc", "av1"), default="h264", help="of the output (default h264)")
    run.add_argument(
        "--crf",
        type=bounded(int, 0, 63, "a quality"),
        metavar="N",
        help="quality of the output: lower is better and larger (default: per codec)",
    )
    run.add_argument(
        "--cluster",
        type=cluster,
        default="auto",
        metavar="KIND",
        help="auto, cuda, local, or a Dask scheduler's address (default auto)",
    )
    run.add_argument(
        "--workers",
        type=bounded(int, 1, 1024, "a number of workers"),
        metavar="N",
        help="workers of the local cluster (default: one per GPU, else one per core)",
    )
    run.add_argument("--keep-frames", action="store_true", help="keep source and painted frames in the data store")
    run.add_argument("--report", metavar="FILE.json", help="write the run's report here too")
    run.add_argument("-v", "--verbose", action="store_true", help="show the logs of the run")

    styles = commands.add_parser("styles", help="list the styles at hand")
    styles.set_defaults(command=_styles)
    check = commands.add_parser("check", help="say what this machine can do, and what is missing")
    check.set_defaults(command=_check)
    return parser


if __name__ == "__main__":
    sys.exit(main())
