"""A home with a server and warm clusters, in which runs are made and timed: for bench/pipeline.py."""

import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.ways import STYLE
from restyle.report import Report
from tests.flows.conftest import Shell
from tests.media.recipes import ffmpeg

SAMPLE = Path(__file__).parent.parent / "samples/sample.mp4"
SIZE, RATE = (640, 360), 24


class Timed(NamedTuple):
    """A run's report, and seconds to its first painted frame: from the flow's beginning, and from the command's."""

    report: Report
    first_s: float
    cold_s: float


class Bench:
    """A home, a server, warm clusters, and a clip that is a new one for each run."""

    def __init__(self, home: Path, api_url: str | None, frames: int) -> None:
        self.home, self.frames, self._made = home, frames, 0
        self.shell = Shell(home, {"PREFECT_API_URL": api_url} if api_url else {})
        self._clip = sample_clip(home / "clip.mp4", SIZE, frames)

    def clip(self) -> Path:
        """The same pictures as a file that no run has met."""
        self._made += 1
        target = self.home / f"{self._made}.mp4"
        target.write_bytes(self._clip.read_bytes() + struct.pack(">I4sI", 12, b"free", self._made))
        return target

    @contextmanager
    def cluster(self, workers: int) -> Iterator[str]:
        """The address of a warm one."""
        cores = sorted(os.sched_getaffinity(0))[:workers]  # of all, one worker would take two threads
        command = [
            "taskset",
            "-c",
            ",".join(map(str, cores)),
            sys.executable,
            "-m",
            "flows.warm_cluster",
            "--port",
            "0",
        ]
        command += ["--workers", str(workers)]
        environment = self.shell.command()[1]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            address = process.stdout.readline().strip()
            assert address, "the cluster ended"
            try:
                yield address
            finally:
                process.terminate()

    def run(self, clip: Path, *words: str) -> Timed:
        """A run to its end."""
        begun, report = time.time(), clip.with_suffix(".json")
        words = ("--style", STYLE, "-o", str(clip.with_suffix(".out.mp4")), "--report", str(report), *words)
        made = self.shell("run", clip, *words, timeout=7200)
        if made.returncode:
            raise SystemExit(made.stderr)
        found = Report.model_validate_json(report.read_text())
        first = min(found.batches, key=lambda batch: batch.begun)
        painted = first.begun.timestamp() + (first.load_s + first.model_s) / (first.stop - first.start)
        return Timed(found, painted - (found.finished.timestamp() - found.wall_s), painted - begun)


def sample_clip(target: Path, size: tuple[int, int], frames: int) -> Path:
    """The shipped sample, over and over."""
    picture = f"scale={size[0]}:{size[1]},fps={RATE}"
    ffmpeg("-stream_loop", "-1", "-i", SAMPLE, "-vf", picture, "-frames:v", str(frames), "-an", target)
    return target
