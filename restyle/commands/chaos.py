"""`restyle chaos`: break everything that can break while videos are painted, and say whether the promises held."""

import argparse
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from restyle.azurite import install
from restyle.chaos.trial import Trial, Verdict
from restyle.chaos.world import world
from restyle.commands.options import writable
from restyle.errors import PromiseBroken
from restyle.settings import Settings

SPOOL_MEGABYTES = 64


def chaos(options: argparse.Namespace) -> int:
    """Run a trial in a home of its own; prints what was broken and how it ended. Raises PromiseBroken."""
    report = writable(Path(options.report), "verdict.json", "--report") if options.report else None
    seed = options.seed if options.seed is not None else int(time.time())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does: nothing is left mounted
    main = install(Settings().home / "azurite")
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restyle-chaos-")))
        stack.enter_context(_small_spool(home))
        verdict = Trial(stack.enter_context(world(home, main)), seed, _say).run(options.faults)
    if report:
        report.write_text(verdict.model_dump_json(indent=2) + "\n")
    _tell(verdict)
    if verdict.broken:
        raise PromiseBroken(f"{len(verdict.broken)} promises were not kept (--seed {seed} tries the same again)")
    return 0


@contextmanager
def _small_spool(home: Path) -> Iterator[None]:
    """A disk of its own for the spool, where we may mount one; else no disk is filled, and that is said."""
    spool = home / "restyle" / "spool"
    spool.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPOOL_MEGABYTES}m", "tmpfs", str(spool)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        _say("left out: a full disk, for which one must be mounted (as root)")
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(spool)], check=True)  # noqa: S607


def _tell(verdict: Verdict) -> None:
    for name, count in verdict.faults.items():
        print(f"{name}\t{count}")
    print(
        f"{verdict.injected} faults, {verdict.videos} videos: {verdict.by_itself} runs ended well by themselves, "
        f"{verdict.by_retry} by {verdict.retries} retries; {verdict.painted_again} recorded batches painted again"
    )


def _say(line: str) -> None:
    print(line, flush=True)
