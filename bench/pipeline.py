"""Whole runs beside the bare network and beside others: `python -m bench.pipeline`, into docs/performance.md.

Runs go to a server and a cluster of one-thread workers that are warm, as `restyle up` has them. Every way paints the
same clip in every round, one after another; what counts is the median over the rounds of its share of the bare loop.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.load import watched
from bench.speed import frame_s, require_no_gpu, way
from bench.warm import RATE, SIZE, Bench, sample_clip
from bench.writing import PERFORMANCE, machine, put
from flows.cluster import WORKER_ENVIRONMENT
from flows.server import prefect_api

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "bench/results/pipeline.json"
WORKERS = 2
PART = 6
"""Of the clip, its first sixth is painted by loops that cost the same for every frame."""
LITE = ROOT / "build/peers/bin/styletransfer-lite"
"""Of its package, in an environment of its own (`make build/peers/ready`); left out where that is not."""


def bare_fps(frames: int) -> float:
    """Of the network alone: as many processes as workers, one thread each, frames in memory."""
    each = max(2, frames // WORKERS)
    with ExitStack() as stack, ThreadPoolExecutor(WORKERS) as pool:
        processes = [stack.enter_context(way("ours", SIZE, 1, WORKER_ENVIRONMENT)) for _ in range(WORKERS)]
        begun = time.perf_counter()
        list(pool.map(lambda process: [frame_s(process) for _ in range(each)], processes))
        return each * WORKERS / (time.perf_counter() - begun)


def peer_fps(name: str, clip: Path, frames: int) -> float:
    """Of another way of painting."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.peers", name, str(clip), folder, str(WORKERS)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(WORKERS)}
        said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        return frames / float(said)


def lite_fps(clip: Path, frames: int) -> float:
    """Of styletransfer-lite's own command, its start included: it takes a moment."""
    begun = time.perf_counter()
    command = [str(LITE), "video", str(clip), "-o", str(clip.with_suffix(".lite.mp4"))]
    subprocess.run(command, check=True, capture_output=True)
    return frames / (time.perf_counter() - begun)


def one_round(bench: Bench, two: str, one: str) -> dict[str, float]:
    """Frames a second of each way, and what else is asked of runs."""
    direct, images = (bench.run(bench.clip(), "--cluster", two, "--frames", mode) for mode in ("none", "jpeg"))
    alone = bench.run(bench.clip(), "--cluster", one, "--frames", "none")
    part = sample_clip(bench.home / "part.mp4", SIZE, bench.frames // PART)
    found = {
        "bare": bare_fps(bench.frames),
        "direct": direct.report.fps,
        "images": images.report.fps,
        "one worker": alone.report.fps,
        "hand": peer_fps("hand", bench.clip(), bench.frames),
        "public": peer_fps("public", part, bench.frames // PART),
        "first_s": direct.first_s,
    }
    return found | ({"lite": lite_fps(part, bench.frames // PART)} if LITE.exists() else {})


def cold(home: Path) -> dict[str, Any]:
    """A first command in a home, and the next: seconds to a painted frame, and the most that all processes hold.

    The next is of 1280x720 pixels, long enough that every queue fills.
    """
    bench = Bench(home, None, WORKERS * 4)
    first = bench.run(bench.clip(), "--workers", str(WORKERS), "--frames", "none")
    second = bench.run(bench.clip(), "--workers", str(WORKERS), "--frames", "none")
    clip = sample_clip(home / "large.mp4", (1280, 720), WORKERS * 30)
    with watched(home) as seen:
        bench.run(clip, "--workers", str(WORKERS), "--frames", "none", "--batch-size", "30")
    return {"first_command_s": first.cold_s, "cold_s": second.cold_s, **seen.report()}


WORDS = {
    "bare": "the bare network, frames in memory, nothing read or written",
    "direct": "restyle, `--frames none`",
    "images": "restyle, `--frames jpeg`",
    "one worker": "restyle, `--frames none`, one worker",
    "hand": "by hand: Dask's `client.map` over the same functions, without Prefect, ledger, store",
    "public": "the public example's loop, JPEGs by ffmpeg before and after",
    "lite": "styletransfer-lite's video command (a network of an eighth of the operations)",
}


def goals(found: dict[str, Any]) -> list[tuple[str, bool, float, float]]:
    """Each in words, whether it is the least there should be (else the most), the goal and the figure."""
    rounds, seen = found["rounds"], found["cold"]

    def share(way_: str, of: str) -> float:
        return float(median(one[way_] / one[of] for one in rounds))

    return [
        ("direct mode, of the bare loop", True, 0.90, share("direct", "bare")),
        ("through images, of the bare loop", True, 0.80, share("images", "bare")),
        ("two one-thread workers, times one", True, 1.9, share("direct", "one worker")),
        ("from a run's beginning to its first painted frame, s", False, 3, median(one["first_s"] for one in rounds)),
        ("from a cold `restyle run` to its first painted frame, s", False, 12, seen["cold_s"]),
        ("the same where no run ever was, which makes a database, s", False, 12, seen["first_command_s"]),
        ("memory of all processes at 1280x720 (PSS), GB", False, 2.5, seen["all_mb"] / 1000),
    ]


def lines(found: dict[str, Any]) -> list[str]:
    """The tables of the document: frames a second, then each goal beside its figure."""
    table = ["| way | frames a second | of the bare loop |", "|---|--:|--:|"]
    for name, words in WORDS.items():
        taken = [one for one in found["rounds"] if name in one]
        if taken:
            share = median(one[name] / one["bare"] for one in taken)
            table.append(f"| {words} | {median(one[name] for one in taken):.2f} | {share:.2f} |")
    table += ["", "| goal | | measured |", "|---|--:|--:|"]
    for words, least, goal, value in goals(found):
        kept = value >= goal if least else value <= goal
        table.append(f"| {words} | {'≥' if least else '≤'} {goal:g} | {value:.2f}{'' if kept else ' (missed)'} |")
    seconds = found["frames"] / RATE
    return [
        *table,
        "",
        f"{seconds:.0f} s of {SIZE[0]}x{SIZE[1]} at {RATE} a second, {WORKERS} workers; {found['machine']}.",
    ]


def main() -> None:
    """Measure, write down, and put into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="of the clip")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    require_no_gpu()
    found: dict[str, Any] = {"machine": machine(), "frames": options.seconds * RATE, "rounds": []}
    with tempfile.TemporaryDirectory() as name:
        found["cold"] = cold(Path(name))
    with tempfile.TemporaryDirectory() as name, prefect_api(Path(name) / "prefect") as api:
        api.await_ready()
        bench = Bench(Path(name), api.url, found["frames"])
        with bench.cluster(WORKERS) as two, bench.cluster(1) as one:
            for mode in ("none", "jpeg"):  # workers load their network with the first
                bench.run(sample_clip(Path(name) / "warm.mp4", SIZE, 4), "--cluster", two, "--frames", mode)
            bench.run(Path(name) / "warm.mp4", "--cluster", one, "--crf", "30", "--frames", "none")
            for _ in range(options.rounds):
                found["rounds"].append(one_round(bench, two, one))
                print(found["rounds"][-1], flush=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    put("pipeline", table := lines(found), PERFORMANCE)
    print("\n".join(table))


if __name__ == "__main__":
    main()
