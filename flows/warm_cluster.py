"""The cluster that all runs of a machine share, kept warm: `python -m flows.warm_cluster --port P`.

Its scheduler stands at a fixed address, with one worker per GPU or per share of the cores; a worker that dies comes
back. Each worker paints one batch at a time, and runs take turns. Where RESTYLE_MAX_WORKERS is set, the cluster grows
with its queue, and idle workers go. It ends by SIGTERM or SIGINT, and with the process that started it.
"""

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from threading import Event

from flows.cluster import choose_cluster, own_cluster
from restyle.arguments import bounded
from restyle.errors import BadSetting, RestyleError

PORT = 8786
LOOK_S = 1.0


def main() -> int:
    """Keep the cluster until told to end; prints its address once it is there."""
    options = _parser().parse_args()
    ended, parent = Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        _keep(options.kind, options.workers, options.port, ended, parent)
    except RestyleError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _keep(kind: str, workers: int | None, port: int, ended: Event, parent: int) -> None:
    with ExitStack() as started:
        try:
            cluster = started.enter_context(own_cluster(choose_cluster(kind, workers), port))
        except (OSError, RuntimeError) as error:
            raise BadSetting(f"no cluster at port {port}: {error}; give it a free port with --port") from error
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        while not ended.wait(LOOK_S) and os.getppid() == parent:
            pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.warm_cluster", description="A cluster that runs share.")
    parser.add_argument("--kind", choices=("auto", "cuda", "local"), default="auto")
    parser.add_argument("--workers", type=bounded(int, 1, 1024, "a number of workers"), metavar="N")
    parser.add_argument("--port", type=bounded(int, 0, 65535, "a port"), default=PORT, metavar="P")
    return parser


if __name__ == "__main__":
    sys.exit(main())
