"""A video painted in the ways that others paint one; each prints the seconds it took, once everything was loaded.

`python -m bench.peers public|hand CLIP FOLDER WORKERS`: the public example's loop with ffmpeg before and after; and
the work of a run done by hand, with Dask's client.map and without Prefect, ledger, store and retries.
"""

import sys
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
from dask import config
from distributed import Client, LocalCluster
from PIL import Image

from bench.ways import ours, usual
from flows.cluster import WORKER_ENVIRONMENT
from models.inference import Painter
from restyle.domain import FrameBatch, VideoInfo
from restyle.media.decode import FrameDecoder
from restyle.media.encode import encode_segment
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.media.segments import frame_times, join_segments
from restyle.plan import cut_batches
from tests.media.recipes import ffmpeg

BATCHES_EACH = 4
"""For each worker."""


def public(clip: Path, folder: Path, workers: int) -> None:
    """Every frame into a JPEG, each painted into another, and those into a video; one process with all threads."""
    paint = usual(workers)
    rate = probe_video(clip).average_rate
    begun = time.perf_counter()
    ffmpeg("-i", clip, "-q:v", "2", folder / "%06d.jpg")
    for image in sorted(folder.glob("*.jpg")):
        frame = np.asarray(Image.open(image).convert("RGB"))
        painted = paint(frame[None])
        assert isinstance(painted, np.ndarray)
        Image.fromarray(painted).save(image)
    ffmpeg("-framerate", str(rate), "-i", folder / "%06d.jpg", "-pix_fmt", "yuv420p", folder / "out.mp4")
    print(time.perf_counter() - begun, flush=True)


@lru_cache(maxsize=1)
def _painter() -> Painter:
    return ours(1)


def _paint_batch(batch: FrameBatch, clip: Path, info: VideoInfo, folder: Path) -> Path:
    segment = folder / f"{batch.index}.mkv"
    with FrameDecoder(clip, info) as decoder:
        painted = (_painter()(frame[None])[0] for frame in decoder.frames(batch.start, batch.stop))
        encode_segment(painted, (info.width, info.height), info, OutputOptions(), segment)
    return segment


def hand(clip: Path, folder: Path, workers: int) -> None:
    """Batches decoded, painted and encoded by workers that have their painters loaded, then joined."""
    with (
        config.set({"distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT}),
        LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit=0) as cluster,
        Client(cluster) as dask,
    ):
        dask.run(_painter)
        begun = time.perf_counter()
        info = probe_video(clip, checked=True)
        batches = cut_batches(info.frame_count, -(-info.frame_count // (workers * BATCHES_EACH)))
        segments = dask.gather(dask.map(_paint_batch, batches, clip=clip, info=info, folder=folder))
        join_segments(segments, frame_times(info, info.pts[0] * info.time_base), folder / "out.mp4")
        print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    {"public": public, "hand": hand}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
