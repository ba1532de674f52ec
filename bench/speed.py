"""The network beside the usual loop and the processor's limit: `python -m bench.speed`, into docs/performance.md.

Every way is a process of its own with the environment that it would have; they paint in turns of half a second, at
least a frame each: the first frame of a turn finds other processes' data in the caches, as those of a video do not.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean, median
from typing import Any

from bench.ways import WAYS
from bench.writing import PERFORMANCE, machine, put
from flows.cluster import WORKER_ENVIRONMENT
from models.runtime import choose_numeric_path, core_count, cpu_has_matrix_units, device_count

RESULT = Path(__file__).parent / "results/speed.json"
SIZES = ((640, 360), (1280, 720))
GOAL = {True: 8.0, False: 1.3}
"""Times the usual loop, by whether the processor has matrix units."""
FAST_GOAL = 15.0
TURN_S = 0.5


@contextmanager
def way(name: str, size: tuple[int, int], threads: int, tuned: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that paints in this way, ready to."""
    command = [sys.executable, "-m", "bench.ways", name, *map(str, size), str(threads)]
    environment = {**os.environ, **tuned, "OMP_NUM_THREADS": str(threads)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n", name
        yield process


def frame_s(process: subprocess.Popen[str]) -> float:
    """Have it paint a frame."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def turn_s(process: subprocess.Popen[str]) -> float:
    """Have it paint for a turn; seconds of a frame, in the mean."""
    taken: list[float] = []
    while sum(taken) < TURN_S:
        taken.append(frame_s(process))
    return fmean(taken)


def measure(size: tuple[int, int], threads: int, rounds: int) -> dict[str, Any]:
    """Seconds a frame in each way, and what they are to each other in the median round."""
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(way(name, size, threads, {} if name == "usual" else WORKER_ENVIRONMENT))
            for name in WAYS
        }
        taken = [{name: turn_s(process) for name, process in processes.items()} for _ in range(rounds)]
    best = {name: round(min(one[name] for one in taken), 4) for name in WAYS}
    return {
        "size": "x".join(map(str, size)),
        "threads": threads,
        "best_s": best,
        "times_usual": round(median(one["usual"] / one["ours"] for one in taken), 2),
        "fast_times_usual": round(median(one["usual"] / one["fast"] for one in taken), 2),
        "all_s": taken,
        "compiled_times": round(median(one["ours"] / one["ours, compiled"] for one in taken), 3),
        "fast_compiled_times": round(median(one["fast"] / one["fast, compiled"] for one in taken), 3),
        "fast_compiled_times_usual": round(median(one["usual"] / one["fast, compiled"] for one in taken), 2),
        "of_product": round(median(one["product"] / one["ours"] for one in taken), 3),
    }


def lines(rows: list[dict[str, Any]], precision: str) -> list[str]:
    """The table of the document."""
    head = (
        "| frame | threads | usual loop, best s | ours, best s | times, median | goal | of the matrix product, median "
        "| `--engine fast`, best s | times, median | goal |"
    )
    body = (
        f"| {row['size']} | {row['threads']} | {row['best_s']['usual']:.3f} | {row['best_s']['ours']:.3f} | "
        f"**{row['times_usual']:.2f}** | {GOAL[cpu_has_matrix_units()]:g} | {row['of_product']:.0%} | "
        f"{row['best_s']['fast']:.3f} | **{row['fast_times_usual']:.1f}** | {FAST_GOAL:g} |"
        for row in rows
    )
    compiled = (
        f"| {row['size']} | {row['threads']} | {row['compiled_times']:.2f} | {row['fast_compiled_times']:.2f} | "
        f"{row['fast_compiled_times_usual']:.1f} |"
        for row in rows
    )
    return [
        *(head, "|---" + "|--:" * 9 + "|", *body, ""),
        "| frame | threads | compiled, times ours | `--engine fast` compiled, times itself | times the usual loop |",
        *("|---" + "|--:" * 4 + "|", *compiled, ""),
        f"On {machine()}, in {precision}.",
    ]


def require_no_gpu() -> None:
    """Ways are compared on a processor; a GPU has bench/gpu.py."""
    if device_count():
        raise SystemExit("hide the GPU: CUDA_VISIBLE_DEVICES=")


def main() -> None:
    """Measure, write down, and put into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    rounds = parser.parse_args().rounds
    require_no_gpu()
    rows = [measure(size, threads, rounds) for size in SIZES for threads in sorted({1, core_count()})]
    precision = choose_numeric_path().precision
    RESULT.write_text(json.dumps({"machine": machine(), "precision": precision, "rows": rows}, indent=1) + "\n")
    put("speed", table := lines(rows, precision), PERFORMANCE)
    print("\n".join(table))


if __name__ == "__main__":
    main()
