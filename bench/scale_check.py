"""Predictions of bench.simulation beside real runs on this machine: `python -m bench.scale_check`; models that sleep.

What a run and a batch cost is taken from one run on one worker; the others are predicted from that, and then made.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.simulation import Costs, Simulation
from bench.writing import put
from flows.server import prefect_api
from tests.flows.conftest import Shell
from tests.flows.elastic import another_clip, elastic_cluster, start
from tests.flows.faulty import misbehave

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "bench/results/scale_check.json"
COSTS = ROOT / "bench/results/costs.json"
BATCH, SLEEP_S, ROUNDS = 4, 8.0, 4  # frames of a batch, seconds a frame, batches a worker
"""Batches of half a minute, as `--batch-size auto` cuts them where there is enough to paint. Of shorter ones the
second or so that a worker takes for itself, with the cores of one machine for all, would be what is measured."""
MODES = {"direct": ("--frames", "none"), "images": ("--frames", "jpeg")}


class Bed:
    """A home with a server; each run has a clip of its own."""

    def __init__(self, home: Path, api_url: str) -> None:
        self.home, self._made = home, 0
        environment = {"PREFECT_API_URL": api_url, "FAULTS": str(home / "faults.json"), "PYTHONPATH": str(ROOT)}
        self.shell = Shell(home, environment)

    def measure(self, workers: int, mode: str, batches: int, repeats: int) -> list[dict[str, float]]:
        """Of each run, by its report: seconds in all, and of painting. A first run, not counted, warms the workers."""
        self.shell.environment["RESTYLE_MAX_WORKERS"] = str(workers)
        found = []
        with elastic_cluster(self.shell, workers, warm_minutes=60) as cluster:
            for i in range(repeats + 1):
                misbehave(self.home / "faults.json", sleep_s=SLEEP_S if i else 0.5)
                self._made += 1
                frames = BATCH * (batches if i else 2 * workers)
                clip = another_clip(self.home / f"{self._made}.mp4", frames, self._made)
                if start(self.shell, cluster, clip, "--batch-size", str(BATCH), *MODES[mode]).wait(1800):
                    raise SystemExit("a run failed; its log is in the control store")
                report = json.loads(clip.with_suffix(".json").read_text())
                painting = report["spent"]["steps"]["painting"]
                found.append({"wall_s": report["wall_s"], "painting_s": painting})
        return found[1:]


def calibrated(found: list[dict[str, float]], batches: int, submit_s: float) -> Costs:
    """What a run and a batch cost beside the frames, from the quicker of the runs on one worker."""
    best = min(found, key=lambda one: one["wall_s"])
    batch_s = best["painting_s"] / batches - BATCH * SLEEP_S
    return Costs(
        start_s=best["wall_s"] - best["painting_s"],
        probe_s=0,
        verify_s=0,
        join_s=0,
        split_s=0,
        submit_s=submit_s,
        record_s=0,
        batch_s=max(0.0, batch_s),
        frame_s=SLEEP_S,
    )


def lines(pairs: list[dict[str, Any]]) -> list[str]:
    """The table of the document."""
    rows = [
        f"| {one['mode']} | {one['workers']} | {one['batches']} | {one['predicted_s']:.1f} | {one['measured_s']:.1f} | "
        f"{one['predicted_s'] / one['measured_s'] - 1:+.0%} |"
        for one in pairs
    ]
    return [
        "| frames go | workers | batches | predicted, s | measured, s | off by |",
        "|---|--:|--:|--:|--:|--:|",
        *rows,
    ]


def main() -> None:
    """Calibrate, predict, run, and put the pairs into the document, beside those that were not made now."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--repeats", type=int, default=2, help="of each, of which the quickest counts")
    options = parser.parse_args()
    submit_s = json.loads(COSTS.read_text())["submit_s"]
    pairs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, prefect_api(Path(name) / "prefect") as api:
        api.await_ready()
        bed = Bed(Path(name), api.url)
        for mode in options.modes:
            costs = calibrated(bed.measure(1, mode, 6, options.repeats), 6, submit_s * (1 + (mode == "images")))
            print(mode, costs, flush=True)
            for workers in options.workers:
                batches = ROUNDS * workers
                predicted = Simulation(costs, workers, BATCH, 1).of([BATCH * batches]).wall_s
                made = bed.measure(workers, mode, batches, options.repeats)
                pair = {"mode": mode, "workers": workers, "batches": batches, "predicted_s": round(predicted, 2)}
                pair |= {"measured_s": round(min(one["wall_s"] for one in made), 2)}
                pair |= {"all_s": [round(one["wall_s"], 2) for one in made]}
                print(pair, flush=True)
                pairs.append(pair)
    made_now = {(one["mode"], one["workers"]) for one in pairs}
    earlier = json.loads(RESULT.read_text()) if RESULT.exists() else []
    pairs += [one for one in earlier if (one["mode"], one["workers"]) not in made_now]
    pairs.sort(key=lambda one: (one["mode"], one["workers"]))
    RESULT.write_text(json.dumps(pairs, indent=1) + "\n")
    put("check", lines(pairs))


if __name__ == "__main__":
    main()
