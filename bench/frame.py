"""Where the time of a frame goes, step by step: `python -m bench.frame`, into docs/performance.md.

A frame of 640x360 through images and Azurite, one thread, on a quiet machine: each step by itself, by the functions
that a run calls. Steps run beside each other in a run; what it takes by the clock is bench.pipeline's to tell.
"""

import json
import tempfile
from pathlib import Path

from bench.costs import media, store
from bench.speed import frame_s, require_no_gpu, way
from bench.writing import PERFORMANCE, machine, put
from flows.cluster import WORKER_ENVIRONMENT
from restyle.cut import TASK_S, choose_cut

RESULT = Path(__file__).parent / "results/frame.json"
SIZE, FRAMES, WORKERS, ROUNDS = (640, 360), 1440, 2, 10


def measure() -> dict[str, float]:
    """Seconds a frame of each step."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        found |= media(Path(folder), SIZE)
    with tempfile.TemporaryDirectory() as folder:
        found |= store(Path(folder), int(found["image_bytes"]))
    with way("ours", SIZE, 1, WORKER_ENVIRONMENT) as process:
        found["model_s"] = min(frame_s(process) for _ in range(ROUNDS))
    return found


def rows(found: dict[str, float]) -> list[tuple[str, str, float]]:
    """Step, where it runs, and its seconds a frame."""
    batch = choose_cut(FRAMES, found["model_s"], WORKERS).batch_size
    return [
        ("the first look: decoded once, to count frames and see that all are whole", "run", found["probe_checked_s"]),
        ("decode", "run", found["decode_s"]),
        ("source image: encode", "run", found["image_encode_s"]),
        ("source image: to the store", "run", found["blob_up_s"]),
        (f"orchestration of a batch's two tasks, {batch} frames", "run, server, worker", TASK_S / batch),
        ("source image: from the store", "worker", found["blob_down_s"]),
        ("source image: decode", "worker", found["image_decode_s"]),
        ("**the network**", "worker", found["model_s"]),
        ("painted image: encode", "worker", found["image_encode_s"]),
        ("painted image: to the store", "worker", found["blob_up_s"]),
        ("painted image: from the store, for the segment", "worker", found["blob_down_s"]),
        ("painted image: decode", "worker", found["image_decode_s"]),
        ("segment: encode (x264)", "worker", found["encode_s"]),
        ("join segments, mux", "run", found["join_s"]),
        ("the last look: the output decoded once", "run", found["verify_s"]),
    ]


def main() -> None:
    """Measure, write down, and put into the document."""
    require_no_gpu()
    found = measure()
    table = ["| step | where | ms a frame | of all |", "|---|---|--:|--:|"]
    steps = rows(found)
    whole = sum(seconds for _, _, seconds in steps)
    table += [f"| {step} | {where} | {1000 * s:.1f} | {s / whole:.1%} |" for step, where, s in steps]
    table += [
        f"| all | | {1000 * whole:.1f} | |",
        "",
        f"A frame of {SIZE[0]}x{SIZE[1]} through JPEGs and Azurite, one thread; {machine()}. Steps of media in seconds "
        "of a processor, the network's and the store's by the clock.",
    ]
    RESULT.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n")
    put("frame", table, PERFORMANCE)
    print("\n".join(table))


if __name__ == "__main__":
    main()
