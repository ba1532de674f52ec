"""The command line: parse, call one function, print. Exit codes: 0 done, 1 the job failed, 2 bad usage or input."""

import shlex
import sys
import traceback
from collections.abc import Sequence
from pkgutil import resolve_name

from restyle.errors import InputError, RestyleError
from restyle.importing import uncollected
from restyle.parser import parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        with uncollected():
            command = resolve_name(COMMANDS[options.command])
        return int(command(options) or 0)
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


COMMANDS = {
    "run": "restyle.commands.run:run",
    "preview": "restyle.commands.preview:preview",
    "train": "restyle.commands.train:train",
    "styles": "restyle.commands.styles:styles",
    "quote": "restyle.commands.quote:quote",
    "upload": "restyle.commands.moving:upload",
    "download": "restyle.commands.moving:download",
    "up": "restyle.commands.up:up",
    "verify": "restyle.commands.verify:verify",
    "clean": "restyle.commands.clean:clean_up",
    "chaos": "restyle.commands.chaos:chaos",
    "check": "restyle.commands.check:check",
}
"""Where each is; imported with the command, so that --help is instant."""


if __name__ == "__main__":
    sys.exit(main())
