"""Mutated videos against the whole reading path: `python -m bench.fuzz --files 50000 --minutes 40 --result FILE`.

Small real files of every container that restyle reads are damaged by a seeded hand, and go through the same probe,
decoder and ffmpeg as anybody's upload. What must come of each, in bounded time, is a video or an error of ours.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from bench.damage import SEEDS, make_seeds, mutated
from bench.forked import fork_decoders
from restyle.domain import VideoInfo
from restyle.errors import RestyleError
from restyle.media.decode import FrameDecoder
from restyle.media.geometry import painted_size
from restyle.media.mux import rehearse_mux
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.media.sandbox import confinement
from restyle.media.sound import extract_sound

MOST_S = 300.0  # for one file, with the machine busy; a decoder that shows no progress is ended after 60
# Every so many files a still readable one goes on: to the frames' decoder, or to ffmpeg as well, which takes ten times
# as long as the probe. The probe decodes each whole.
DECODED_EVERY, DEEP_EVERY = 4, 20
MAX_SIDE, MOST_FRAMES = 64, 100  # of what is decoded
SAVE_EVERY_S = 60.0


class Outcome(NamedTuple):
    """What came of one file."""

    number: int
    kind: str
    seconds: float
    fault: str | None = None
    """what must not be: an error that is none of restyle's own, or a file that took too long"""


@dataclass
class Tally:
    """What came of all of them."""

    seed: int
    began: float = field(default_factory=time.monotonic)
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def go_on_from(self, earlier: dict[str, Any]) -> None:
        """Count what an earlier fuzzing of the same files found, if it was of the same seed and versions."""
        if (earlier["seed"], earlier["versions"]) == (self.seed, versions()):
            self.kinds, self.faults = Counter(earlier["outcomes"]), earlier["faults"]
            self.slowest_s, self.began = earlier["slowest_file_s"], self.began - earlier["seconds"]

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.kinds[outcome.kind] += 1
        self.slowest_s = max(self.slowest_s, outcome.seconds)
        if outcome.fault:
            self.faults.append(f"file {outcome.number}: {outcome.fault}")

    def as_json(self) -> str:
        """For the result file."""
        took = time.monotonic() - self.began
        facts = {
            "files": self.kinds.total(),
            "seed": self.seed,
            "seconds": round(took),
            "slowest_file_s": round(self.slowest_s, 1),
            "outcomes": dict(self.kinds.most_common()),
            "faults": self.faults,
            "from": sorted(SEEDS),
            "confined_by": confinement().words,
            "versions": versions(),
        }
        return json.dumps(facts, indent=2) + "\n"


def versions() -> dict[str, str]:
    """Of what decodes."""
    return {name: version(name) for name in ("av", "imageio-ffmpeg")}


def tried(path: Path, number: int) -> Outcome:
    """Read one file as a run would: probed, and of some the frames decoded, the sound extracted, the mux rehearsed."""
    began = time.monotonic()
    kind, fault = "video", None
    try:
        info = probe_video(path)
        if number % DECODED_EVERY == 0:
            kind = "video, decoded"
            _decode(path, info)
        if number % DEEP_EVERY == 0:
            kind = "video, muxed"
            rehearse_mux(path, info, OutputOptions(suffix=".mkv"), painted_size(info, MAX_SIDE))
            extract_sound(path, info, path.with_suffix(".mka"))
    except RestyleError as error:
        kind = type(error).__name__ + (", decoder died" if "ended early" in str(error) else "")
    except Exception as error:  # noqa: BLE001  (what we look for)
        kind, fault = "fault", f"{type(error).__name__}: {error}"
    took = time.monotonic() - began
    if took > MOST_S:
        fault = fault or f"took {took:.0f} s"
    return Outcome(number, kind, took, fault)


def _decode(path: Path, info: VideoInfo) -> None:
    with FrameDecoder(path, info, MAX_SIDE) as decoder:
        for _ in islice(decoder.frames(0, info.frame_count), MOST_FRAMES):
            pass


class _Hand(NamedTuple):
    """What each process of a fuzzing works with."""

    seeds: dict[str, bytes]
    seed: int
    folder: Path
    strings: tuple[bytes, ...]
    until: float


_hands: list[_Hand] = []


def _begin(hand: _Hand) -> None:
    fork_decoders()
    _hands.append(hand)


def _one(number: int) -> Outcome | None:
    seeds, seed, folder, strings, until = _hands[0]
    if time.monotonic() > until:
        return None
    name, data = mutated(seeds, seed, number, strings)
    place = folder / f"file-{number}"
    place.mkdir()
    try:
        (place / name).write_bytes(data)
        return tried(place / name, number)
    finally:
        shutil.rmtree(place)


def fuzz(
    numbers: Iterable[int], seed: int, folder: Path, strings: tuple[bytes, ...] = (), minutes: float | None = None
) -> Iterator[Outcome]:
    """Outcomes of the files of these numbers, as they come, until all are tried or the time is over."""
    hand = _Hand(make_seeds(folder), seed, folder, strings, time.monotonic() + 60 * (minutes or 1e9))
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_begin, initargs=(hand,)) as pool:
        yield from (outcome for outcome in pool.map(_one, numbers) if outcome)


def main() -> int:
    """Fuzz, and keep the result file up to date; one of the same seed and versions is gone on with."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--result", type=Path, required=True)
    options = parser.parse_args()
    tally, saved = Tally(options.seed), time.monotonic()
    if options.result.exists():
        tally.go_on_from(json.loads(options.result.read_text()))
    if tally.kinds.total() >= options.files:
        raise SystemExit(
            f"{options.result}: holds {tally.kinds.total()} files already; name another result, or more files"
        )
    with tempfile.TemporaryDirectory(prefix="restyle-fuzz-") as folder:
        numbers = range(tally.kinds.total(), options.files)
        for outcome in fuzz(numbers, options.seed, Path(folder), minutes=options.minutes):
            tally.add(outcome)
            if time.monotonic() - saved > SAVE_EVERY_S:
                saved = time.monotonic()
                options.result.write_text(tally.as_json())
    options.result.write_text(tally.as_json())
    print(tally.as_json())
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
