"""A shared cluster that grows and shrinks, and whose workers are evicted: for tests and for bench/elastic.py."""

import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Client

from tests.flows.conftest import Shell
from tests.flows.faulty import GREY_STEP, LEVELS, grey_clip
from tests.media.reading import frames_rgb

MODEL = "tests.flows.faulty:paint"
WAIT_S = 300.0
"""For what takes seconds on a quiet machine."""


class Elastic:
    """The cluster as its scheduler tells."""

    def __init__(self, address: str, client: Client) -> None:
        self.address, self._client = address, client

    def workers(self) -> int:
        """How many there are."""
        return len(self._client.nthreads())

    def tasks(self, word: str) -> int:
        """How many tasks with this word in their name wait or are at work."""

        def count(dask_scheduler: Any) -> int:
            open_ones = (
                one for one in dask_scheduler.tasks.values() if one.state in ("processing", "queued", "no-worker")
            )
            return sum(word in str(one.key) for one in open_ones)

        return int(self._client.run_on_scheduler(count))

    def busy(self) -> list[str]:
        """Addresses of those with a batch in hand."""
        return [address for address, tasks in self._client.processing().items() if tasks]

    def await_workers(self, count: int) -> float:
        """Seconds until there are so many."""
        begun = time.monotonic()
        while self.workers() != count:
            if time.monotonic() - begun > WAIT_S:
                raise TimeoutError(f"{self.workers()} workers, not {count}, after {WAIT_S:.0f} s")
            time.sleep(0.05)
        return time.monotonic() - begun

    def evict(self, address: str, told: bool) -> None:
        """Take a worker away: told to leave, as a machine that is given notice, or killed."""
        if told:
            self._client.retire_workers([address], close_workers=True)
            return
        (pid,) = self._client.run(os.getpid, workers=[address]).values()
        os.kill(pid, signal.SIGKILL)


@contextmanager
def elastic_cluster(shell: Shell, most: int, warm_minutes: float) -> Iterator[Elastic]:
    """From no worker to so many, for runs of this shell."""
    bounds = {"RESTYLE_MAX_WORKERS": str(most), "RESTYLE_KEEP_WARM_MINUTES": str(warm_minutes)}
    command = [sys.executable, "-m", "flows.warm_cluster", "--kind", "local", "--port", "0"]
    with subprocess.Popen(command, env={**shell.command()[1], **bounds}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            with Client(address, timeout=WAIT_S, set_as_default=False) as client:
                yield Elastic(address, client)
        finally:
            process.terminate()


def start(shell: Shell, cluster: Elastic, clip: Path, *words: str) -> "subprocess.Popen[bytes]":
    """A run of the faulty model on this cluster, whose output and report lie beside the clip."""
    target, report = clip.with_suffix(".out.mp4"), clip.with_suffix(".json")
    common = ("--model", MODEL, "--cluster", cluster.address, "-o", target, "--report", report, "--crf", "5")
    return shell.popen("run", clip, *common, *words)


def evict_during(shell: Shell, cluster: Elastic, run: "subprocess.Popen[bytes]", count: int, apart: int) -> int:
    """Evict workers at work, told and killed by turns, one whenever so many more batches are painted.

    Returns how many were evicted before the run ended.
    """
    choice, done = random.Random(20), 0
    while done < count and run.poll() is None:
        time.sleep(choice.uniform(0, 0.5))
        busy = cluster.busy()
        if busy and len(list(shell.home.glob("control/jobs/*/ledger/*.json"))) >= apart * (done + 1):
            with suppress(OSError, ValueError, KeyError):  # it left by itself in the meantime
                cluster.evict(choice.choice(busy), told=done % 2 == 0)
                done += 1
    return done


def another_clip(target: Path, frames: int, number: int) -> Path:
    """A clip of its own, which no earlier run has painted: a box that players skip tells it from others."""
    grey_clip(target, frames)
    with target.open("ab") as file:
        file.write(struct.pack(">I4sB", 9, b"free", number))
    return target


def require_every_frame_in_place(target: Path, count: int) -> None:
    """Frames of the output are told by their grey: none may be missing, doubled or out of place."""
    levels = (255 - frames_rgb(target, 96, 64, "null").mean(axis=(1, 2, 3))) / GREY_STEP
    assert levels.round().astype(int).tolist() == [number % LEVELS for number in range(count)]


def repeated_frames(home: Path, count: int) -> int:
    """How many frames were begun more than once, where the faults say "note"."""
    return len((home / "begun").read_text().splitlines()) - count
