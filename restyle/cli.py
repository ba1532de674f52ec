"""The command line: parse, call one function, print. Exit codes: 0 done, 1 the job failed, 2 bad usage or input."""

import argparse
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence

from restyle.errors import InputError, RestyleError
from restyle.parser import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(COMMANDS[options.command](options) or 0)
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
    kept = {"run": "painted", "train": "learned", "upload": "uploaded", "download": "downloaded"}
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


def _quote(options: argparse.Namespace) -> int:
    from restyle.commands.quote import quote

    return quote(options)


def _upload(options: argparse.Namespace) -> int:
    from restyle.commands.moving import upload

    return upload(options)


def _download(options: argparse.Namespace) -> int:
    from restyle.commands.moving import download

    return download(options)


def _up(options: argparse.Namespace) -> int:
    from restyle.commands.up import up

    return up(options)


def _verify(options: argparse.Namespace) -> int:
    from restyle.commands.verify import verify

    return verify(options.job, options.mend)


def _clean(options: argparse.Namespace) -> int:
    from restyle.commands.clean import clean_up

    return clean_up(options)


def _chaos(options: argparse.Namespace) -> int:
    from restyle.commands.chaos import chaos

    return chaos(options)


def _check(_options: argparse.Namespace) -> int:
    from restyle.commands.check import check

    return check()


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "preview": _preview,
    "train": _train,
    "styles": _styles,
    "quote": _quote,
    "upload": _upload,
    "download": _download,
    "up": _up,
    "verify": _verify,
    "clean": _clean,
    "chaos": _chaos,
    "check": _check,
}


if __name__ == "__main__":
    sys.exit(main())
