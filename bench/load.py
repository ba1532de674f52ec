"""Limits under load: `python -m bench.load [batches] [runs] [length] [large]`, into bench/results/load.json.

batches: one run of 1,000 batches. runs: 20 videos dropped at once into one `restyle up`. length: the same picture for
1 minute and for 20. large: 3840x2160. Of each, every process's memory (PSS, which shares out shared pages) is looked at
twice a second, and so is the local spool. Models are left out (--strength 0): what they hold does not grow.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bench.writing import machine
from flows.server import free_port
from restyle.chaos.subject import Subject, await_that
from restyle.chaos.world import FLOW, OVER
from tests.media.recipes import ffmpeg

RESULT = Path(__file__).parent / "results" / "load.json"
BATCHES, RUNS = 1000, 20
LOOK_S = 0.5
ROLES = {
    "decode_child": "decoder",
    "probe_child": "probe",
    "ffmpeg": "encoder",
    "multiprocessing.forkserver": "Dask worker",
    "multiprocessing.spawn": "Dask worker",
    "multiprocessing.resource_tracker": "Dask worker's keeper",
    "prefect server": "Prefect server",
    "prefect.engine": "run",
    "restyle.cli run": "run, with its scheduler",
    "warm_cluster": "scheduler",
    "worker start": "work pool's worker",
    "watch_store": "sensor",
}


@dataclass
class Watched:
    """The most memory that a process of each role had, and the most that lay in the spool; in MB."""

    home: Path
    most_mb: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    all_mb: float = 0.0
    spool_mb: float = 0.0

    def look(self) -> None:
        """Look once."""
        total = 0.0
        for number, words in Subject(self.home, 0).processes().items():
            role = next((name for part, name in ROLES.items() if part in words), "others")
            pss_mb = _pss_mb(number)
            total += pss_mb
            self.most_mb[role] = max(self.most_mb[role], pss_mb)
        self.all_mb = max(self.all_mb, total)
        self.spool_mb = max(self.spool_mb, _size(self.home / "spool") / 1e6)

    def report(self) -> dict[str, Any]:
        """As JSON has it."""
        roles = {name: round(most) for name, most in sorted(self.most_mb.items())}
        return {"all_mb": round(self.all_mb), "spool_mb": round(self.spool_mb, 1), "most_mb": roles}


@contextmanager
def watched(home: Path) -> Iterator[Watched]:
    """Look at all processes of a home, beside what is done."""
    seen, over = Watched(home), Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            seen.look()

    thread = Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def batches(home: Path) -> dict[str, Any]:
    """One run of a thousand batches of a frame each."""
    clip = _clip(home, "160x96", BATCHES, rate=25)
    return _paint(home, clip, "--batch-size", "1")


def length(home: Path) -> dict[str, Any]:
    """The same picture, short and long, in both modes."""
    found: dict[str, Any] = {}
    for minutes in (1, 20):
        clip = _clip(home, "320x180", minutes * 600, rate=10)
        for mode in ("jpeg", "none"):
            found[f"{minutes} min, --frames {mode}"] = _paint(home, clip, "--batch-size", "300", "--frames", mode)
    return found


def large(home: Path) -> dict[str, Any]:
    """A short clip of large frames, in both modes."""
    clip = _clip(home, "3840x2160", 48, rate=24)
    return {f"--frames {mode}": _paint(home, clip, "--batch-size", "12", "--frames", mode) for mode in ("jpeg", "none")}


def runs(home: Path) -> dict[str, Any]:
    """Twenty videos dropped at once."""
    subject = Subject(home, free_port(), ("--workers", "2", "--every", "1"))
    clip = _clip(home, "160x96", 48, rate=24).read_bytes()
    subject.start()
    try:
        begun = time.monotonic()
        with watched(home) as seen:
            for number in range(RUNS):
                (home / f"data/inbox/wave/{number}.mp4").write_bytes(clip)
            await_that(lambda: _ended(subject) >= RUNS, 3600)
        ended = subject.runs(FLOW)
        failed = [f"{run['name']}: {run['state']['message']}" for run in ended if run["state_name"] != "Completed"]
        return {"completed": len(ended) - len(failed), "failed": failed, **_took(begun), **seen.report()}
    finally:
        subject.stop()


def _ended(subject: Subject) -> int:
    return sum(run["state_type"] in OVER for run in subject.runs(FLOW))


def _paint(home: Path, clip: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "restyle.cli", "run", str(clip), "--style", "wave", "--strength", "0", *words]
    command += ["--workers", "2", "-o", str(home / "out.mp4"), "--report", str(home / "report.json")]
    environment = {**os.environ, "RESTYLE_HOME": str(home)}
    begun = time.monotonic()
    with watched(home) as seen:
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    report = json.loads((home / "report.json").read_text())
    return {
        "batches": len(report["batches"]), "frames": report["frames_out"], **_took(begun), **seen.report(),
    }  # fmt: skip


def _took(begun: float) -> dict[str, float]:
    return {"seconds": round(time.monotonic() - begun, 1)}


def _clip(home: Path, size: str, frames: int, rate: int) -> Path:
    target = home / f"{size}-{frames}.mp4"
    picture = f"testsrc2=size={size}:rate={rate}:duration={frames / rate}"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "50", target)
    return target


def _pss_mb(number: int) -> float:
    try:
        lines = (Path("/proc") / str(number) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:")), 0.0)


def _size(folder: Path) -> int:
    """Bytes of all files in it; what goes meanwhile does not count (nor ends the walk, as it would a Path's)."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total


TRIALS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "batches": batches, "runs": runs, "length": length, "large": large,
}  # fmt: skip


def main() -> None:
    """Try what is named, or all; results of earlier trials stay."""
    parser = argparse.ArgumentParser(description="Limits under load.")
    parser.add_argument("trials", nargs="*", default=list(TRIALS), help=", ".join(TRIALS))
    for name in parser.parse_args().trials:
        with tempfile.TemporaryDirectory(prefix="restyle-load-") as home:
            found = {"processor": machine(), **TRIALS[name](Path(home))}
        results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        RESULT.write_text(json.dumps(results | {name: found}, indent=1) + "\n")
        sys.stdout.write(f"{name}: {json.dumps(found, indent=1)}\n")


if __name__ == "__main__":
    main()
