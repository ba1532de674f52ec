"""How a cluster grows, shrinks, loses workers and is shared: `python -m bench.elastic`; writes into docs/scale.md.

Models that sleep paint on workers of this machine, so that the numbers are those of the orchestration.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from distributed import Client, wait

from bench.writing import put
from flows.server import prefect_api
from tests.flows.conftest import Shell
from tests.flows.elastic import Elastic, another_clip, elastic_cluster, evict_during, repeated_frames, start
from tests.flows.elastic import require_every_frame_in_place as require_whole
from tests.flows.faulty import grey_clip, misbehave

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "bench/results/elastic.json"
WARM_S = 5.0


def burst(most: int) -> dict[str, Any]:
    """From no worker, three batches for each there may be: seconds until all are asked for, there, and gone again."""
    from flows.cluster import ClusterChoice, own_cluster  # noqa: PLC0415  (workers import this module when they start)

    choice = ClusterChoice(kind="local", workers=most, threads=1, least=0, warm_s=WARM_S)
    with own_cluster(choice) as cluster, Client(cluster) as client:
        begun = time.monotonic()
        batches = client.map(time.sleep, [5 + i / 1000 for i in range(3 * most)])
        _await(lambda: len(cluster.plan) == most)
        asked_s = time.monotonic() - begun
        _await(lambda: len(client.nthreads()) == most)
        grown_s = time.monotonic() - begun
        wait(batches)
        del batches  # as runs do: results are let go
        ended = time.monotonic()
        _await(lambda: not client.nthreads())
        gone_s = time.monotonic() - ended
    seconds = {"asked_s": asked_s, "grown_s": grown_s, "gone_s": gone_s}
    return {"most": most, "warm_s": WARM_S, "load": os.getloadavg()[0]} | {k: round(v, 1) for k, v in seconds.items()}


def evictions(shell: Shell, most: int, count: int) -> dict[str, Any]:
    """Workers told to leave and killed, by turns, in the midst of a run; the output is looked at frame by frame."""
    misbehave(shell.home / "faults.json", sleep_s=0.5, note=True)
    size, apart = 4, 4
    frames = size * (apart * count + 4 * most)
    clip = grey_clip(shell.home / "evicted.mp4", frames)
    with elastic_cluster(shell, most, warm_minutes=1) as cluster:
        begun = time.monotonic()
        run = start(shell, cluster, clip, "--batch-size", str(size))
        evicted = evict_during(shell, cluster, run, count, apart)
        _require(run.wait(1800) == 0)
        wall_s = time.monotonic() - begun
    require_whole(clip.with_suffix(".out.mp4"), frames)
    repeated = repeated_frames(shell.home, frames)
    _require(repeated <= evicted * size)
    return {
        "evicted": evicted,
        "batches": frames // size,
        "frames_a_batch": size,
        "wall_s": round(wall_s),
        "frames_repeated": repeated,
        "load": os.getloadavg()[1],
    }


def fairness(shell: Shell, workers: int, repeats: int) -> dict[str, Any]:
    """A short run alone, then started in the midst of a long one, on the same workers."""
    misbehave(shell.home / "faults.json", sleep_s=1.0)
    short, long = 8 * workers, 200 * workers
    clips = [another_clip(shell.home / f"short-{i}.mp4", short, i) for i in range(2 * repeats)]
    with elastic_cluster(shell, workers, warm_minutes=60) as cluster:
        _timed(shell, cluster, another_clip(shell.home / "first.mp4", short, 99))  # workers come and import
        alone = [_timed(shell, cluster, clip) for clip in clips[:repeats]]
        whole = grey_clip(shell.home / "long.mp4", long)
        running = start(shell, cluster, whole, "--batch-size", "2", "--frames", "none")
        _await(lambda: cluster.tasks("style") >= 3 * workers)
        beside = [_timed(shell, cluster, clip) for clip in clips[repeats:]]
        _require(running.poll() is None)  # it went on beside them all
        running.terminate()
        running.wait(600)
    return {
        "workers": workers,
        "short_batches": short // 2,
        "long_batches": long // 2,
        "batch_s": 2.0,
        "alone_s": [round(one, 1) for one in alone],
        "beside_s": [round(one, 1) for one in beside],
    }


def _timed(shell: Shell, cluster: Elastic, clip: Path) -> float:
    begun = time.monotonic()
    _require(start(shell, cluster, clip, "--batch-size", "2", "--frames", "none").wait(1800) == 0)
    return time.monotonic() - begun


def _await(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not reached():
        _require(time.monotonic() < deadline)
        time.sleep(0.05)


def _require(so: bool) -> None:
    if not so:
        raise SystemExit("a run failed, or something took ten minutes; what is above says which")


def lines(found: dict[str, Any]) -> list[str]:
    """The table of the document."""
    rows: dict[str, str] = {}
    if grown := found.get("burst"):
        rows[f"from no worker to {grown['most']}, with batches waiting"] = (
            f"asked for after {grown['asked_s']} s, there after {grown['grown_s']} s"
        )
        rows[f"from the last batch to none, kept warm for {grown['warm_s']:.0f} s"] = f"{grown['gone_s']} s"
    if lost := found.get("evictions"):
        what = f"{lost['evicted']} evictions, half told to leave, half killed, in a run of {lost['batches']} batches"
        again = f"{lost['frames_repeated'] / lost['evicted']:.1f} an eviction, of {lost['frames_a_batch']} in a batch"
        rows[what] = f"no frame lost or doubled; {lost['frames_repeated']} painted again: {again}"
    if shared := found.get("fairness"):
        alone, beside = median(shared["alone_s"]), median(shared["beside_s"])
        short = f"{shared['short_batches']} batches of {shared['batch_s']:.0f} s"
        rows[f"a short run ({short}, {shared['workers']} workers) alone"] = f"{alone:.1f} s"
        what = f"the same, started in the midst of a run of {shared['long_batches']} batches"
        rows[what] = f"{beside:.1f} s, {beside / alone:.1f} times as long"
    return ["| what | measured |", "|---|---|", *(f"| {what} | {measured} |" for what, measured in rows.items())]


def main() -> None:
    """Measure all and put the table into the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measures", nargs="*", default=["burst", "fairness", "evictions"], help="default: all three")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--evictions", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    found: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with tempfile.TemporaryDirectory() as folder, prefect_api(Path(folder) / "prefect") as api:
        api.await_ready()
        home = Path(folder)
        environment = {
            "PREFECT_API_URL": api.url,
            "FAULTS": str(home / "faults.json"),
            "PYTHONPATH": str(ROOT),
            "RESTYLE_MAX_WORKERS": str(options.workers),
        }
        shell = Shell(home, environment)
        measures: dict[str, Callable[[], dict[str, Any]]] = {
            "burst": lambda: burst(options.workers),
            "fairness": lambda: fairness(shell, options.workers, options.repeats),
            "evictions": lambda: evictions(shell, options.workers, options.evictions),
        }
        for name in options.measures:
            found[name] = measures[name]()
            print(name, found[name], flush=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    put("growing", lines(found))


if __name__ == "__main__":
    main()
