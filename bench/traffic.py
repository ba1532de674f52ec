"""What a run asks of its stores, through images and directly: `python -m bench.traffic`, into docs/performance.md.

Bodies of requests and answers are counted between the run, with its workers, and Azurite.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from bench.warm import RATE, SIZE, Bench
from bench.writing import PERFORMANCE, machine, put
from restyle.chaos.proxy import faulty_proxy
from tests.azurite import running_azurite

RESULT = Path(__file__).parent / "results/traffic.json"
FRAMES = 10 * RATE
MODES = {"jpeg": "`--frames jpeg`", "png": "`--frames png`", "none": "`--frames none`"}


def measure(mode: str) -> dict[str, Any]:
    """Of a whole run: requests, megabytes to the stores and from them, and seconds."""
    with (
        tempfile.TemporaryDirectory() as name,
        running_azurite(Path(name)) as azurite,
        faulty_proxy(azurite.url) as proxy,
    ):
        bench = Bench(Path(name), None, FRAMES)
        for store in ("data", "control"):
            spec = azurite.connection_string(store)
            bench.shell.environment[f"RESTYLE_{store.upper()}_STORE"] = proxy.through(spec)
        run = bench.run(bench.clip(), "--frames", mode, "--engine", "fast")
        return {
            "mode": mode,
            "requests": len(proxy.requests),
            "mb_up": round(proxy.bytes_up / 1e6, 1),
            "mb_down": round(proxy.bytes_down / 1e6, 1),
            "wall_s": round(run.report.wall_s, 1),
            "output_mb": round(run.report.output.bytes / 1e6, 1),
        }


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table of the document."""
    head = "| way | requests | MB to the stores | MB from them | kB a frame, both | seconds |"
    body = (
        f"| {MODES[row['mode']]} | {row['requests']} | {row['mb_up']:.1f} | {row['mb_down']:.1f} | "
        f"{1000 * (row['mb_up'] + row['mb_down']) / FRAMES:.0f} | {row['wall_s']:.1f} |"
        for row in rows
    )
    return [
        *(head, "|---" + "|--:" * 5 + "|", *body, ""),
        f"{FRAMES} frames of {SIZE[0]}x{SIZE[1]}, `--engine fast`; the source, and the output of "
        f"{rows[0]['output_mb']:.1f} MB, are part of each. Azurite, {machine()}.",
    ]


def main() -> None:
    """Measure, write down, and put into the document."""
    rows = [measure(mode) for mode in MODES]
    RESULT.write_text(json.dumps({"machine": machine(), "frames": FRAMES, "rows": rows}, indent=1) + "\n")
    put("traffic", table := lines(rows), PERFORMANCE)
    print("\n".join(table))


if __name__ == "__main__":
    main()
