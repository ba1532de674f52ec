"""What may be said on the command line: the commands and their options."""

import argparse
from typing import NoReturn

from restyle import __version__
from restyle.arguments import add_look, add_painting, batch_size, bounded, cluster

PREVIEW_MAX_SIDE = 480


class _Parser(argparse.ArgumentParser):
    """Errors in one sentence, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"restyle: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Of the whole command line; `command` is the name of what is to be done."""
    whole = _Parser(prog="restyle", description="Paint whole videos in the style of a painting.")
    whole.add_argument("--version", action="version", version=f"restyle {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    _add_run(commands.add_parser("run", help="paint a video"))
    _add_preview(commands.add_parser("preview", help="a sheet of a few frames in each style, before any long run"))
    _add_train(commands.add_parser("train", help="make a style of a painting"))
    styles = commands.add_parser("styles", help="list the styles at hand, or show the card of some")
    styles.add_argument("names", nargs="*", metavar="NAME", help="show all that is known of this style")
    styles.set_defaults(command="styles")
    _add_up(commands.add_parser("up", help="run server, dashboard, worker and sensor on this machine, until Ctrl-C"))
    verify = commands.add_parser("verify", help="read again all that a job stored, and hold it against its ledger")
    verify.set_defaults(command="verify")
    verify.add_argument("job", metavar="JOB", help="the job_id of its report")
    verify.add_argument("--mend", action="store_true", help="take back what disagrees, for the next run to make anew")
    _add_clean(commands.add_parser("clean", help="free the room that jobs take in the stores"))
    _add_chaos(commands.add_parser("chaos", help="break a restyle of its own in many ways, and see what holds"))
    quoting = commands.add_parser("quote", help="say what painting a video would take and cost, from a sample of it")
    add_painting(quoting)
    quoting.add_argument("--report", metavar="FILE.json", help="write the quote here too")
    quoting.set_defaults(command="quote")
    moving = commands.add_parser("upload", help="put files into the data store; goes on where it was interrupted")
    _add_upload(moving)
    moving.set_defaults(command="upload")
    moving = commands.add_parser("download", help="get files out of the data store; goes on where it was interrupted")
    _add_download(moving)
    moving.set_defaults(command="download")
    check = commands.add_parser("check", help="say what this machine can do, and what is missing")
    check.set_defaults(command="check")
    return whole


def _add_run(run: argparse.ArgumentParser) -> None:
    run.set_defaults(command="run")
    add_painting(run)
    run.add_argument(
        "-o", "--output", metavar="OUT", help="where the painted video goes (default: VIDEO-STYLE.mp4 here)"
    )
    run.add_argument(
        "--batch-size",
        type=batch_size,
        metavar="N|auto",
        help="frames per batch, the unit of work and of retry (default auto: from what a frame and a batch cost)",
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
    run.add_argument(
        "--budget",
        type=bounded(float, 0.01, 1e9, "a sum"),
        metavar="X",
        help="end, resumable, before the run costs more than this, by the price table (docs/cost.md)",
    )
    run.add_argument("--keep-frames", action="store_true", help="keep source and painted frames in the data store")
    run.add_argument("--report", metavar="FILE.json", help="write the run's report here too")
    run.add_argument("-v", "--verbose", action="store_true", help="show the logs of the run")


def _add_train(train: argparse.ArgumentParser) -> None:
    train.set_defaults(command="train")
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
    preview.set_defaults(command="preview")
    preview.add_argument("video", metavar="VIDEO", help="a video file, or data:KEY for a blob of the data store")
    preview.add_argument(
        "--style", action="append", default=[], help="a style or a mix, as in `run`; again for more (default: all)"
    )
    preview.add_argument("-o", "--output", metavar="SHEET", help="a .jpg or .png (default: VIDEO-preview.jpg here)")
    add_look(preview, max_side=PREVIEW_MAX_SIDE)


def _add_clean(clean: argparse.ArgumentParser) -> None:
    clean.set_defaults(command="clean")
    clean.add_argument("jobs", nargs="*", metavar="JOB", help="the job_id of a report (default: all of that age)")
    clean.add_argument(
        "--older-than",
        type=bounded(float, 0, 100_000, "a number of days"),
        metavar="DAYS",
        help="only jobs of which nothing was written for so long",
    )
    clean.add_argument(
        "--everything",
        action="store_true",
        help="outputs, reports and ledgers too, and old logs (default: frames, painted images and segments)",
    )
    clean.add_argument("--dry-run", action="store_true", help="only show what would go")


def _add_chaos(chaos: argparse.ArgumentParser) -> None:
    chaos.set_defaults(command="chaos")
    chaos.add_argument(
        "--faults",
        type=bounded(int, 1, 100_000, "a number of faults"),
        default=30,
        metavar="N",
        help="to inject at least (default 30: some minutes)",
    )
    chaos.add_argument("--seed", type=bounded(int, 0, 2**31, "a seed"), metavar="S", help="of what breaks when")
    chaos.add_argument("--report", metavar="FILE.json", help="write the counts here too")


def _add_up(up: argparse.ArgumentParser) -> None:
    up.set_defaults(command="up")
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


def _add_upload(parser: argparse.ArgumentParser) -> None:
    """What `restyle upload` takes."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a local file")
    parser.add_argument(
        "--to",
        default="videos/",
        metavar="PREFIX/|KEY",
        help="where in the data store: a prefix, ending in '/', or the key of one file (default videos/)",
    )


def _add_download(parser: argparse.ArgumentParser) -> None:
    """What `restyle download` takes."""
    parser.add_argument(
        "keys", nargs="+", metavar="KEY", help="a key of the data store, with or without data: before it"
    )
    parser.add_argument(
        "-o", "--output", default=".", metavar="FOLDER|FILE", help="a folder, or the file of one key (default: here)"
    )
