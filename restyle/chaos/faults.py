"""The faults: what each breaks, for a while or for good, in a world that must mend itself."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from restyle.chaos.proxy import Fault
from restyle.chaos.world import World

SPOILED = 0.25
"""Of the requests, while storage traffic is spoilt: a request that meets it four times over fails for good."""
SPOILT_S = (6.0, 15.0)
AWAY_S = (1.0, 6.0)
BESIDE_S = 15.0
FULL_S = 6.0
SPOILINGS: tuple[Fault, ...] = ("drop", "lose", "truncate", "500", "503", "delay")

Deed = Callable[[World, random.Random, Counter[str]], None]
"""Breaks something, and counts it under its name; one that finds nothing to break counts nothing."""


def kill_worker(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Kill -9 a process that paints."""
    forked = world.subject.all_with("multiprocessing.forkserver")
    painting = [pid for pid in forked if _parent(pid) in forked]  # the first forks the others, and does nothing else
    clusters = world.subject.all_with("flows.warm_cluster")  # whose workers are spawned on GPUs
    painting += [pid for pid in world.subject.all_with("multiprocessing.spawn") if _parent(pid) in clusters]
    _kill(rng, painting, "Dask worker killed", counts)


def kill_cluster(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Kill -9 the scheduler, and with it all workers."""
    _kill(rng, world.subject.all_with("flows.warm_cluster"), "Dask scheduler killed", counts)


def kill_run(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Kill -9 the process that conducts a run."""
    _kill(rng, world.subject.all_with("prefect.engine"), "flow process killed", counts)


def kill_server(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Kill -9 the Prefect server."""
    _kill(rng, world.subject.all_with("prefect server start"), "Prefect server killed", counts)


def kill_pool_worker(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Kill -9 what starts the processes of runs; these are of its group, and go with it."""
    _kill(rng, world.subject.all_with("prefect worker start"), "work pool's worker killed", counts)


def kill_sensor(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Kill -9 the sensor."""
    _kill(rng, world.subject.all_with("flows.watch_store"), "sensor killed", counts)


def restart_store(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Stop Azurite, and start it again a little later."""
    world.blobs.stop()
    time.sleep(rng.uniform(*AWAY_S))
    world.blobs.start()
    counts["blob store stopped and started"] += 1


def spoil_storage(world: World, rng: random.Random, counts: Counter[str]) -> None:
    """Spoil some of the answers of the store for a while."""
    lock = Lock()

    def choose(*_: str) -> Fault:
        with lock:
            if rng.random() >= SPOILED:
                return "none"
            fault = rng.choice(SPOILINGS)
            counts[f"storage answer: {fault}"] += 1
            return fault

    world.proxy.choose = choose
    time.sleep(rng.uniform(*SPOILT_S))
    world.proxy.choose = lambda *_: "none"


def watch_twice(world: World, _rng: random.Random, counts: Counter[str]) -> None:
    """Let a second sensor look at the same store: whatever is dropped is told twice, in any order."""
    environment = _environment_of(world.subject.all_with("flows.watch_store"))
    if environment is None:
        return
    command = [sys.executable, "-m", "flows.watch_store", "--every", "0.5"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, cwd=world.subject.home, stdout=quiet, stderr=quiet) as second:
        time.sleep(BESIDE_S)
        second.terminate()
    counts["triggers delivered twice"] += 1


def fill_disk(world: World, _rng: random.Random, counts: Counter[str]) -> None:
    """Fill the disk of the spool for a while, where it is one of its own."""
    spool = world.subject.home / "spool"
    if not spool.is_mount():
        return
    filler = spool / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    time.sleep(FULL_S)
    filler.unlink()
    counts["disk full"] += 1


DEEDS: tuple[Deed, ...] = (
    kill_worker, kill_worker, kill_cluster, kill_run, kill_server, kill_pool_worker, kill_sensor, restart_store,
    watch_twice, fill_disk,
)  # fmt: skip
"""What a round chooses from, beside spoilt storage; what dies most often in the field stands twice."""


def _kill(rng: random.Random, numbers: list[int], name: str, counts: Counter[str]) -> None:
    if numbers:
        with suppress(ProcessLookupError):
            os.kill(rng.choice(numbers), signal.SIGKILL)
            counts[name] += 1


def _parent(number: int) -> int:
    with suppress(OSError):
        return int((Path("/proc") / str(number) / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _environment_of(numbers: list[int]) -> dict[str, str] | None:
    """What a living process was started with."""
    for number in numbers:
        with suppress(OSError):
            pairs = (Path("/proc") / str(number) / "environ").read_bytes().decode().split("\0")
            return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return None
