"""The command line: parse, call one function, print. Exit codes: 0 done, 1 the job failed, 2 bad usage or input."""

import argparse
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from restyle import __version__
from restyle.arguments import add_look, batch_size, bounded, cluster
from restyle.errors import InputError, RestyleError

PREVIEW_MAX_SIDE = 480


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
    kept = {"run": "painted", "train": "learned"}
    if words and words[0] in kept:
        print(f"What is {kept[words[0]]} is kept. To go on: restyle {shlex.join(words)}", file=sys.stderr)


def _run(options: argparse.Namespace) -> int:
    from restyle.commands.run import run

    return run(options)


def _preview(options: argparse.Namespace) -> int:
    from restyle.commands.preview import preview

    return preview(options)


def _train(options: argparse.Namespace) -> int:
    from restyle.commands.train import train

    return train(options)


def _styles(options: argparse.Namespace) -> int:
    from restyle.commands.styles import list_styles, show_cards

    return show_cards(options.names) if options.names else list_styles()


def _up(options: argparse.Namespace) -> int:
    from restyle.commands.up import up

    return up(options)


def _check(_options: argparse.Namespace) -> int:
    from restyle.commands.check import check

    return check()


class _Parser(argparse.ArgumentParser):
    """Errors in one sentence, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"restyle: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="restyle", description="Paint whole videos in the style of a painting.")
    parser.add_argument("--version", action="version", version=f"restyle {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_run(commands.add_parser("run", help="paint a video"))
    _add_preview(commands.add_parser("preview", help="a sheet of a few frames in each style, before any long run"))
    _add_train(commands.add_parser("train", help="make a style of a painting"))
    styles = commands.add_parser("styles", help="list the styles at hand, or show the card of some")
    styles.add_argument("names", nargs="*", metavar="NAME", help="show all that is known of this style")
    styles.set_defaults(command=_styles)
    _add_up(commands.add_parser("up", help="run server, dashboard, worker and sensor on this machine, until Ctrl-C"))
    check = commands.add_parser("check", help="say what this machine can do, and what is missing")
    check.set_defaults(command=_check)
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    run.set_defaults(command=_run)
    run.add_argument("video", metavar="VIDEO", help="a video file, or data:KEY for a blob of the data store")
    painter = run.add_mutually_exclusive_group(required=True)
    painter.add_argument(
        "--style",
        help="a name from `restyle styles`, a checkpoint (.safetensors, .pth), a painting (an image file: a style is "
        "trained from it once), or a mix: starry_night:0.6,wave:0.4",
    )
    painter.add_argument(
        "--model", metavar="MODULE:CALLABLE|FILE", help="your own model in place of a style; it runs as code"
    )
    run.add_argument(
        "-o", "--output", metavar="OUT", help="where the painted video goes (default: VIDEO-STYLE.mp4 here)"
    )
    run.add_argument(
        "--engine",
        choices=("auto", "full", "gatys"),
        default="auto",
        help="full: the style's network; gatys: every frame is optimised towards a painting, slow, for stills and "
        "short clips (default auto: full)",
    )
    add_look(run)
    run.add_argument(
        "--smooth",
        type=bounded(float, 0.0, 1.0, "a number"),
        default=0.0,
        metavar="0..1",
        help="calmer paintings: each is blended with the one before, moved along with the picture; paints a few frames "
        "more per batch (default 0: not at all)",
    )
    run.add_argument(
        "--batch-size",
        type=batch_size,
        metavar="N|auto",
        help="frames per batch, the unit of work and of retry (default auto: from what a frame and a batch cost)",
    )
    run.add_argument(
        "--frames",
        choices=("jpeg", "png", "none"),
        default="jpeg",
        help="how frames are stored on their way; none: not at all, workers decode, paint and encode (default jpeg)",
    )
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
        help="auto, cuda, local, kubernetes, azure-vm, or a Dask scheduler's address (default auto)",
    )
    run.add_argument(
        "--workers",
        type=bounded(int, 1, 1024, "a number of workers"),
        metavar="N",
        help="workers; at most, where RESTYLE_MAX_WORKERS lets them grow (default: one per GPU, else one per core)",
    )
    run.add_argument(
        "--train-minutes",
        type=bounded(float, 0.1, 10_000, "a number of minutes"),
        metavar="M",
        help="how long to train where --style is a painting (default 8 on processors, 1 on a GPU)",
    )
    run.add_argument("--keep-frames", action="store_true", help="keep source and painted frames in the data store")
    run.add_argument("--report", metavar="FILE.json", help="write the run's report here too")
    run.add_argument("-v", "--verbose", action="store_true", help="show the logs of the run")


def _add_train(train: argparse.ArgumentParser) -> None:
    train.set_defaults(command=_train)
    train.add_argument("painting", metavar="PAINTING", help="an image file, or data:KEY for a blob of the data store")
    train.add_argument("-o", "--output", metavar="STYLE.safetensors", help="(default: PAINTING.safetensors here)")
    budget = train.add_mutually_exclusive_group()
    budget.add_argument(
        "--minutes",
        type=bounded(float, 0.1, 10_000, "a number of minutes"),
        metavar="M",
        help="about how long to train (default 8 on processors, 1 on a GPU)",
    )
    budget.add_argument("--steps", type=bounded(int, 1, 1_000_000, "a number of steps"), metavar="N", help="or so long")
    pictures = train.add_mutually_exclusive_group()
    pictures.add_argument("--video", metavar="VIDEO", help="learn on its frames: best, where you know what to paint")
    pictures.add_argument(
        "--photographs",
        metavar="FOLDER",
        help="learn on these pictures, or on data:PREFIX (default: photographs that come with restyle's packages)",
    )
    train.add_argument(
        "--from",
        dest="start",
        default="nearest",
        metavar="STYLE|nearest|scratch",
        help="the style to begin from (default: the nearest shipped one)",
    )
    train.add_argument("-v", "--verbose", action="store_true", help="show the logs of the training")


def _add_preview(preview: argparse.ArgumentParser) -> None:
    preview.set_defaults(command=_preview)
    preview.add_argument("video", metavar="VIDEO", help="a video file, or data:KEY for a blob of the data store")
    preview.add_argument(
        "--style", action="append", default=[], help="a style or a mix, as in `run`; again for more (default: all)"
    )
    preview.add_argument("-o", "--output", metavar="SHEET", help="a .jpg or .png (default: VIDEO-preview.jpg here)")
    add_look(preview, max_side=PREVIEW_MAX_SIDE)


def _add_up(up: argparse.ArgumentParser) -> None:
    up.set_defaults(command=_up)
    up.add_argument(
        "--port",
        type=bounded(int, 1, 65535, "a port"),
        default=4200,
        metavar="P",
        help="of the dashboard (default 4200)",
    )
    up.add_argument(
        "--workers",
        type=bounded(int, 1, 1024, "a number of workers"),
        metavar="N",
        help="that paint, on this machine (default: one per GPU, else one per core)",
    )
    up.add_argument("--azurite", action="store_true", help="with Azurite, the emulator of Azure Blob, as the store")
    up.add_argument(
        "--database",
        metavar="URL",
        help="of the server: postgresql+asyncpg://USER@HOST/NAME (default: a file; a URL with a password is better "
        "named by PREFECT_SERVER_DATABASE_CONNECTION_URL, which other users do not see)",
    )
    up.add_argument(
        "--every",
        type=bounded(float, 0.1, 86400, "a number of seconds"),
        default=10.0,
        metavar="SECONDS",
        help="how often to look for what was dropped into the store (default 10)",
    )


if __name__ == "__main__":
    sys.exit(main())
