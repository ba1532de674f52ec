"""What videos take and cost on one GPU to a thousand: `python -m bench.scale`; writes the tables of docs/scale.md.

Costs are those that bench.costs measured (bench/results/costs.json); what no measurement here can tell is assumed, and
every assumption is an option.
"""

import argparse
import json
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from bench.simulation import Costs, Prediction, Simulation
from bench.writing import put
from restyle.cut import choose_cut

RESULTS = Path(__file__).parent / "results"
GPUS = (1, 4, 16, 64, 256, 1000)
HOUR = 3600
OPERATIONS = {"direct": 0.1, "images": 6.0}
"""Of the store for a frame: written, read, painted, written, read, and two deleted; or pieces of the source."""


class Load(NamedTuple):
    """Videos of so many seconds each."""

    name: str
    videos: int
    seconds: int


LOADS = (
    Load("1 minute", 1, 60),
    Load("1 hour, one video", 1, HOUR),
    Load("10 hours, ten videos", 10, HOUR),
    Load("1,000 hours, a thousand videos", 1000, HOUR),
)


class World:
    """Measured costs and assumptions together, as the seconds of the simulation."""

    def __init__(self, measured: dict[str, float], assumed: argparse.Namespace) -> None:
        self.measured, self.assumed = measured, assumed

    def frame_s(self, mode: str) -> float:
        """A frame on a worker: the GPU, or the cores beside it, or the store, whichever is slowest."""
        m, cores = self.measured, self.assumed.worker_cores
        gpu_s = 1 / self.assumed.gpu_fps
        if mode == "direct":
            return max(gpu_s, (m["decode_s"] + m["encode_s"]) / cores)
        through_store = 2 * self.assumed.blob_ms / 1000 / 8  # eight threads
        painting = max(gpu_s, (m["image_decode_s"] + m["image_encode_s"]) / cores, through_store)
        return painting + max((m["image_decode_s"] + m["encode_s"]) / cores, through_store / 2)

    def costs(self, mode: str, workers: int, batch: int) -> Costs:
        """Of one run, where so many workers share the store and the server."""
        m, run_cores, tasks = self.measured, self.assumed.run_cores, 1 if mode == "direct" else 2
        shared_s = workers * OPERATIONS[mode] / self.assumed.store_operations
        batch_s = tasks * self.assumed.batch_s
        frame_s = max(self.frame_s(mode), shared_s)
        server_s = workers * tasks * self.assumed.server_s  # for a batch of each worker
        return Costs(
            start_s=self.assumed.start_s,
            probe_s=m["probe_checked_s" if mode == "direct" else "probe_s"] / run_cores,
            verify_s=m["verify_s"] / run_cores,
            join_s=m["join_s"],
            split_s=0.0 if mode == "direct" else (m["decode_s"] + m["image_encode_s"]) / run_cores,
            submit_s=tasks * m["submit_s"],
            record_s=3 * self.assumed.blob_ms / 1000,
            batch_s=max(batch_s, server_s - batch * frame_s),
            frame_s=frame_s,
        )

    def batch(self, frames: int, workers: int, mode: str) -> int:
        """As --batch-size auto cuts."""
        return choose_cut(frames, self.frame_s(mode), workers).batch_size

    def predict(self, load: Load, workers: int, mode: str, batch: int | None = None) -> Prediction:
        """From no worker: machines come first."""
        frames = load.seconds * self.assumed.rate
        size = batch or self.batch(frames, workers, mode)
        at_once = self.assumed.runs or max(8, workers)
        made = Simulation(self.costs(mode, workers, size), workers, size, at_once).of([frames] * load.videos)
        return made._replace(wall_s=made.wall_s + 60 * self.assumed.arrival_minutes)

    def price(self, made: Prediction, workers: int) -> float:
        """Dollars: workers from their order to the end of the warm time, and the machines of the runs."""
        idle_s = 60 * (self.assumed.arrival_minutes + self.assumed.warm_minutes)
        gpus = workers * (made.painting_s + idle_s) / HOUR * self.assumed.gpu_price
        return float(gpus + made.runs_s / HOUR * self.assumed.run_price)


def by_gpus(world: World, found: dict[str, Any]) -> list[str]:
    """Wall time, efficiency and price for each load and number of GPUs."""
    lines = [f"| GPUs | {' | '.join(load.name for load in LOADS)} |", "|--:|" + "---|" * len(LOADS)]
    alone = {load.name: world.predict(load, 1, "direct") for load in LOADS}
    for workers in GPUS:
        cells = []
        for load in LOADS:
            made = alone[load.name] if workers == 1 else world.predict(load, workers, "direct")
            speed_up = alone[load.name].wall_s / made.wall_s
            price = world.price(made, workers)
            cells.append(f"{_time(made.wall_s)}, {speed_up / workers:.0%}, ${price:,.2f}")
            found["by_gpus"].append(
                {"gpus": workers, "load": load.name, "wall_s": made.wall_s, "speed_up": speed_up, "price": price}
            )
        lines.append(f"| {workers:,} | {' | '.join(cells)} |")
    return lines


def walls(world: World, found: dict[str, Any]) -> list[str]:
    """Where one video, and where the whole, stops to become faster."""
    rate = world.assumed.rate
    lines = ["| wall | direct (`--frames none`) | through images (`--frames jpeg`) |", "|---|--:|--:|"]
    both = {mode: dict(_walls(world, mode)) for mode in ("direct", "images")}
    found["walls_gpus"] = both
    for name in both["direct"]:
        cells = [f"{both[mode][name]:,.0f} GPUs" if both[mode][name] < 1e6 else "none" for mode in both]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    serial = world.costs("direct", 1, 1)
    ends = serial.probe_s + serial.verify_s + serial.join_s
    lines.append(
        f"| before and after the painting of one video: probe, joining, last look | "
        f"{HOUR * rate * ends / 60:.0f} min an hour of video | the same |"
    )
    found["ends_s_per_hour"] = HOUR * rate * ends
    return lines


def _walls(world: World, mode: str) -> Iterator[tuple[str, float]]:
    """How many GPUs each part can keep at work, with batches of a minute."""
    frame_s, tasks = world.frame_s(mode), 1 if mode == "direct" else 2
    batch_s = 60.0 + tasks * world.assumed.batch_s
    one = world.costs(mode, 1, 1)
    yield "one flow submits batches of a minute", batch_s / one.submit_s
    yield "one flow splits frames for", frame_s / one.split_s if one.split_s else float("inf")
    yield "one Prefect server writes down what happens for", batch_s / (tasks * world.assumed.server_s)
    yield "one storage account serves", frame_s * world.assumed.store_operations / OPERATIONS[mode]


def cuts(world: World, found: dict[str, Any]) -> list[str]:
    """What the batch size does: seconds of a batch, an hour of video."""
    seconds = (1, 5, 15, 30, 60, 120)
    load = LOADS[1]
    frames, frame_s = load.seconds * world.assumed.rate, world.frame_s("direct")
    lines = [f"| GPUs | {' | '.join(f'{one} s' for one in seconds)} | `auto` |", "|--:|" + "--:|" * (len(seconds) + 1)]
    for workers in (4, 16, 64, 256):
        sizes = [ceil(one / frame_s) for one in seconds]
        auto = world.batch(frames, workers, "direct")
        walls = [world.predict(load, workers, "direct", size).wall_s for size in (*sizes, auto)]
        found["cuts"].append({"gpus": workers, "batch_s": [*seconds, auto * frame_s], "wall_s": walls})
        cells = [*map(_time, walls[:-1]), f"{_time(walls[-1])} ({auto * frame_s:.0f} s)"]
        lines.append(f"| {workers} | {' | '.join(cells)} |")
    return lines


def _time(seconds: float) -> str:
    if seconds < 60 * 90:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 48 * HOUR else f"{seconds / 24 / HOUR:.1f} days"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default, meaning in ASSUMED:
        kind = type(default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, help=meaning)
    return parser.parse_args()


ASSUMED: tuple[tuple[str, int | float, str], ...] = (
    ("gpu_fps", 40.0, "frames of 1920x1080 that a GPU paints a second (a T4, from its memory's speed)"),
    ("worker_cores", 4, "cores of the machine with the GPU"),
    ("gpu_price", 0.53, "dollars an hour of that machine (Standard_NC4as_T4_v3, not spot)"),
    ("run_cores", 4, "cores of the machine that conducts a run"),
    ("run_price", 0.20, "dollars an hour of that machine"),
    ("runs", 0, "runs at once; 0: as many as GPUs, at least 8"),
    ("blob_ms", 15.0, "milliseconds for a small blob, one thread"),
    ("store_operations", 20000.0, "requests a second that a storage account takes"),
    ("arrival_minutes", 4.0, "until a machine with a GPU is there"),
    ("warm_minutes", 5.0, "RESTYLE_KEEP_WARM_MINUTES"),
    ("start_s", 15.0, "of a run beside its batches and what grows with the video"),
    ("batch_s", 0.5, "of a batch on a worker beside its frames, for each of its tasks"),
    ("server_s", 0.05, "of the server's one process, for each task run"),
    ("rate", 30, "frames a second of the videos"),
)


def main() -> None:
    """Predict all, and put the tables into the document."""
    assumed = _options()
    world = World(json.loads((RESULTS / "costs.json").read_text()), assumed)
    found: dict[str, Any] = {"assumed": vars(assumed), "measured": world.measured, "by_gpus": [], "cuts": []}
    tables = {"gpus": by_gpus(world, found), "walls": walls(world, found), "cuts": cuts(world, found)}
    tables["assumed"] = ["| option | assumed | what it is |", "|---|--:|---|"] + [
        f"| `--{name.replace('_', '-')}` | {getattr(assumed, name):g} | {meaning} |" for name, _, meaning in ASSUMED
    ]
    tables["measured"] = ["| measured here | |", "|---|--:|"] + [
        f"| {MEASURED[name]} | {1000 * world.measured[name]:.1f} ms |" for name in MEASURED
    ]
    for name, lines in tables.items():
        put(name, lines)
        print("\n".join(lines), end="\n\n")
    (RESULTS / "scale.json").write_text(json.dumps(found, indent=1) + "\n")


MEASURED = {
    "submit_s": "a task submitted, in the flow's own thread, by the clock",
    "submit_processor_s": "the same, of a processor",
    "probe_s": "a frame in the probe, of a processor (all frames are 1920x1080)",
    "probe_checked_s": "the same with checksums, for direct mode",
    "decode_s": "a frame decoded and converted",
    "encode_s": "a frame encoded (h264, default quality)",
    "join_s": "a frame's packet joined",
    "verify_s": "a frame of the output decoded again",
    "image_encode_s": "a JPEG written",
    "image_decode_s": "a JPEG read",
    "blob_up_s": "a blob of 600 kB to Azurite, eight threads, by the clock",
    "blob_down_s": "the same back",
}


if __name__ == "__main__":
    main()
