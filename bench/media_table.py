"""Writes the exactness table of docs/media.md: python -m bench.media_table.

Every clip of tests/media/clips.py is put through the media path at strength 0, as tests/media/test_exactness.py does.
"""

import argparse
import logging
import tempfile
from pathlib import Path

from bench.writing import MEDIA, put
from tests.media.clips import CLIPS, ClipCache
from tests.media.exactness import Exactness, measure

HEAD = (
    "| clip | what it tests | frames in | out | worst drift / half a frame, ms | audio | PSNR, dB | direct, dB |",
    "|---|---|--:|--:|--:|---|--:|--:|",
)


def row(found: Exactness) -> str:
    """One line of the table."""
    pairs = zip(found.audio_in, found.audio_out, strict=True)
    audio = ", ".join(before if before == after else f"{before} → {after}" for before, after in pairs) or "none"
    drift = f"{1000 * found.drift_s:.3f} / {1000 * found.half_frame_s:.1f}"
    direct = f"{found.direct_db:.1f}" + ("" if found.straight else " *")
    cells = [found.clip.name, found.clip.tests, found.frames_in, found.frames_out, drift, audio]
    cells += [f"{found.psnr_db:.1f}", direct]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Measure every clip and put the table into the document."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    logging.disable(logging.WARNING)  # the damaged clips are damaged
    lines = list(HEAD)
    with tempfile.TemporaryDirectory() as name:
        clips = ClipCache(Path(name))
        for clip in CLIPS:
            lines.append(row(measure(clip, clips[clip.name], Path(name))))
            print(lines[-1], flush=True)
    put("table", lines, MEDIA)


if __name__ == "__main__":
    main()
