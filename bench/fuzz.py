"""Mutated videos against the whole reading path: `python -m bench.fuzz --files 50000 --minutes 40 --result FILE`.

Small real files of every container that restyle reads are damaged by a seeded hand, and go through the same probe,
decoder and ffmpeg as anybody's upload. What must come of each, in bounded time, is a video or an error of ours.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from restyle.domain import VideoInfo
from restyle.errors import RestyleError
from restyle.media.decode import FrameDecoder
from restyle.media.geometry import painted_size
from restyle.media.mux import rehearse_mux
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.media.sandbox import confinement
from restyle.media.sound import extract_sound
from tests.media.recipes import AAC, X264, ffmpeg

MOST_S = 300.0  # for one file, with the machine busy; a decoder that shows no progress is ended after 60
# Every so many files a still readable one goes on: to the frames' decoder, or to ffmpeg as well, which takes ten times
# as long as the probe. The probe decodes each whole.
DECODED_EVERY, DEEP_EVERY = 4, 20
MAX_SIDE, MOST_FRAMES = 64, 100  # of what is decoded
SAVE_EVERY_S = 60.0

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.6")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:duration=0.6")
SUBTITLES = "1\n00:00:00,000 --> 00:00:00,500\n<b>words</b>\n"
EVERY_TRACK = ("-i", "words.srt", "-map", "0", "-map", "1", "-map", "2")
SEEDS: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*SOUND, "-pix_fmt", "yuv420p", *X264, *AAC),
    "fragmented.mp4": (*SOUND, "-pix_fmt", "yuv420p", *X264, *AAC, "-movflags", "+frag_keyframe+empty_moov"),
    "subtitles.mov": (*SOUND, *EVERY_TRACK, *X264, "-c:a", "pcm_s16le", "-c:s", "mov_text"),
    "subtitles.mkv": (*SOUND, *EVERY_TRACK, *X264, "-c:a", "flac", "-c:s", "ass"),
    "hevc.mp4": ("-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
    "av1.mkv": ("-pix_fmt", "yuv420p", "-c:v", "libsvtav1", "-preset", "12"),
    "vp8.webm": (*SOUND, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "mpeg2.ts": (*SOUND, "-r", "25", "-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-c:a", "mp2"),
    "mpeg1.mpg": ("-r", "25", "-c:v", "mpeg1video"),
    "mpeg4.avi": (*SOUND, "-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "0"),
    "flash.flv": (*SOUND, "-pix_fmt", "yuv420p", "-c:v", "flv1", "-c:a", "aac"),
    "windows.wmv": (*SOUND, "-c:v", "wmv2", "-c:a", "wmav2"),
    "theora.ogv": (*SOUND, "-pix_fmt", "yuv420p", "-c:v", "libtheora", "-c:a", "libvorbis"),
    "ffv1.nut": ("-c:v", "ffv1"),
    "mpeg2.mxf": ("-r", "25", "-pix_fmt", "yuv420p", "-c:v", "mpeg2video"),
    "raw.y4m": ("-pix_fmt", "yuv420p"),
    "palette.gif": (),
    "annexb.h264": ("-pix_fmt", "yuv420p", *X264, "-f", "h264"),
    "vp8.ivf": ("-c:v", "libvpx", "-deadline", "realtime"),
}  # fmt: skip
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


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
            "versions": {name: version(name) for name in ("av", "imageio-ffmpeg")},
        }
        return json.dumps(facts, indent=2) + "\n"


def make_seeds(folder: Path) -> dict[str, bytes]:
    """A small real file of each kind."""
    words = folder / "words.srt"
    words.write_text(SUBTITLES)
    for name, how in SEEDS.items():
        ffmpeg(*PICTURE, *(str(words) if word == words.name else word for word in how), folder / name)
    return {name: (folder / name).read_bytes() for name in SEEDS}


def mutated(seeds: dict[str, bytes], seed: int, number: int, strings: tuple[bytes, ...] = ()) -> tuple[str, bytes]:
    """File number `number`, the same for the same seed: the name of what it was, and its bytes.

    strings: planted now and then, as names of files and addresses that nobody must follow.
    """
    hand = random.Random(f"{seed}:{number}")  # noqa: S311  (no secret)
    name = hand.choice(sorted(seeds))
    data = bytearray(seeds[name])
    for _ in range(hand.choice((1, 1, 2, 4, 16, 64))):
        _damage(data, seeds, hand, strings)
    return name, bytes(data)


def _damage(data: bytearray, seeds: dict[str, bytes], hand: random.Random, strings: tuple[bytes, ...]) -> None:
    size = len(data)
    if not size:
        return
    # Headers decide most: half of the blows fall on the first 2 KiB or the last 4.
    near = hand.choice((range(size), range(size), range(min(size, 2048)), range(max(0, size - 4096), size)))
    at, length = hand.choice(near), hand.choice((1, 2, 4, 8, 64, 1024))
    match hand.randrange(9):
        case 0 | 1:
            data[at] ^= 1 << hand.randrange(8)
        case 2 | 3:
            width = hand.choice((1, 2, 4, 8))
            number = (hand.choice(NUMBERS) + hand.randrange(-1, 2)) % (1 << 8 * width)
            data[at : at + width] = number.to_bytes(width, hand.choice(("big", "little")))
        case 4:
            data[at : at + length] = hand.randbytes(length)
        case 5:
            del data[at : at + length]
        case 6:
            data[at:at] = data[at : at + length]
        case 7:
            other = seeds[hand.choice(sorted(seeds))]
            begin = hand.randrange(len(other))
            data[at : at + length] = other[begin : begin + length]
        case 8:
            if strings and hand.random() < 0.8:
                words = hand.choice(strings)
                data[at : at + len(words)] = words
            else:
                del data[at:]


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


def fuzz(
    files: int, seed: int, folder: Path, strings: tuple[bytes, ...] = (), minutes: float | None = None, at_once: int = 0
) -> Iterator[Outcome]:
    """Outcomes of files 0, 1, 2, ... as they come, until there are as many or the time is over."""
    seeds = make_seeds(folder)
    until = time.monotonic() + 60 * (minutes or 1e9)

    def one(number: int) -> Outcome | None:
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

    with ThreadPoolExecutor(at_once or os.cpu_count() or 1) as pool:
        yield from (outcome for outcome in pool.map(one, range(files)) if outcome)


def main() -> int:
    """Fuzz, and keep the result file up to date."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--result", type=Path, required=True)
    options = parser.parse_args()
    tally, saved = Tally(options.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="restyle-fuzz-") as folder:
        for outcome in fuzz(options.files, options.seed, Path(folder), minutes=options.minutes):
            tally.add(outcome)
            if time.monotonic() - saved > SAVE_EVERY_S:
                saved = time.monotonic()
                options.result.write_text(tally.as_json())
    options.result.write_text(tally.as_json())
    print(tally.as_json())
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
