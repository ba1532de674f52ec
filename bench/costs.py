"""What the steps of a run cost on this machine: `python -m bench.costs`, into bench/results/costs.json for bench.scale.

Frames are of 1920x1080 pixels. Media counts in seconds of a processor, which others who use the machine hardly change;
what the flow's own thread does one after another, in both.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from flows.server import prefect_api
from restyle.images import decode_image, encode_image
from restyle.media.decode import FrameDecoder
from restyle.media.encode import encode_segment
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.media.segments import frame_times, join_segments
from restyle.storage import open_store
from tests.azurite import running_azurite
from tests.media.recipes import ffmpeg

RESULT = Path(__file__).parent / "results/costs.json"
SIZE, FRAMES, SOME, TASKS, ROUNDS, BLOBS = (1920, 1080), 120, 30, 15, 4, 160


@contextmanager
def processor_seconds(found: dict[str, Any], name: str, count: int) -> Iterator[None]:
    """Seconds of a processor that this process and children that end meanwhile take, for each of `count`."""

    def spent() -> float:
        kinds = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(kind.ru_utime + kind.ru_stime for kind in kinds)

    before = spent()
    yield
    found[name] = round((spent() - before) / count, 5)


def media(folder: Path, size: tuple[int, int] = SIZE) -> dict[str, Any]:
    """Seconds of a processor for each frame."""
    found: dict[str, Any] = {}
    clip, target, segment = folder / "clip.mp4", folder / "joined.mp4", folder / "0.mkv"
    picture = f"testsrc2=size={size[0]}x{size[1]}:rate=30:duration={FRAMES / 30},noise=alls=8:allf=t"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", "-preset", "veryfast", clip)
    with processor_seconds(found, "probe_s", FRAMES):
        info = probe_video(clip)
    with processor_seconds(found, "probe_checked_s", FRAMES):
        info = probe_video(clip, checked=True)
    with processor_seconds(found, "decode_s", FRAMES), FrameDecoder(clip, info) as decoder:
        frames = list(decoder.frames(0, FRAMES))
    with processor_seconds(found, "encode_s", FRAMES):
        encode_segment(frames, size, info, OutputOptions(), segment)
    with processor_seconds(found, "join_s", FRAMES):
        join_segments([segment], frame_times(info, info.pts[0] * info.time_base), target)
    with processor_seconds(found, "verify_s", FRAMES):
        probe_video(target)
    with processor_seconds(found, "image_encode_s", SOME):
        images = [encode_image(frame, "jpeg") for frame in frames[:SOME]]
    with processor_seconds(found, "image_decode_s", SOME):
        for image in images:
            decode_image(image, "image", *size)
    return found | {"image_bytes": round(sum(map(len, images)) / SOME)}


def store(folder: Path, image_bytes: int = 600_000) -> dict[str, Any]:
    """Blobs of an image's size on Azurite, by the clock, with as many threads as a worker has."""
    content = bytes(image_bytes)
    with running_azurite(folder) as azurite, ThreadPoolExecutor(8) as pool:
        blobs = open_store(azurite.connection_string("data"))
        keys = [f"blob-{i}" for i in range(BLOBS)]
        blobs.write("first", content)
        up_s = _clock(lambda: list(pool.map(lambda key: blobs.write(key, content), keys))) / BLOBS
        down_s = _clock(lambda: list(pool.map(blobs.read, keys))) / BLOBS
    return {"blob_up_s": round(up_s, 4), "blob_down_s": round(down_s, 4)}


def orchestration(folder: Path) -> dict[str, Any]:
    """A mapped task, submitted in the flow's own thread."""
    with prefect_api(folder) as api:
        api.await_ready()
        return _submitted()


def _submitted() -> dict[str, Any]:
    from prefect import flow, task, unmapped  # noqa: PLC0415  (Prefect reads the server's address once)

    from flows.cluster import ClusterChoice, task_runner  # noqa: PLC0415

    @task
    def nothing(number: int, other: int) -> int:
        return number + other

    @flow(task_runner=task_runner(ClusterChoice(kind="local", workers=1, threads=1)))
    def submitting() -> dict[str, Any]:
        nothing.submit(0, 0).result()
        rounds: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            begun, used = time.perf_counter(), time.thread_time()
            futures = nothing.map(list(range(TASKS)), unmapped(1))
            rounds.append(((time.perf_counter() - begun) / TASKS, (time.thread_time() - used) / TASKS))
            futures.wait()
        clock_s, processor_s = (round(median(column), 4) for column in zip(*rounds, strict=True))
        return {"submit_s": clock_s, "submit_processor_s": processor_s}

    return submitting()


def _clock(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


MEASURES = {"media": media, "store": store, "orchestration": orchestration}


def main() -> None:
    """Measure what is asked for, or all, and write it down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measures", nargs="*", default=list(MEASURES), help=f"of {', '.join(MEASURES)}; default all")
    found: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for name in parser.parse_args().measures:
        with tempfile.TemporaryDirectory() as folder:
            found |= MEASURES[name](Path(folder))
    print(found)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
