"""Batches painted directly, one after another by one decoder."""

import threading
from pathlib import Path

import pytest

from restyle.batches import Painter
from restyle.direct import paint_directly
from restyle.encoding import Segments
from restyle.images import Pixels
from restyle.media.decode import FrameDecoder
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from tests.jobs import HEIGHT, WIDTH, SmallJob, at_once, small_job
from tests.media.recipes import ffmpeg

SAME = at_once(lambda frames: frames)


def sources(job: SmallJob, decoder: FrameDecoder, folder: Path, index: int, painter: Painter) -> list[str]:
    """The hashes of the frames that a batch was painted from."""
    info, options = probe_video(folder / "clip.mp4"), OutputOptions()
    segments = Segments(job.control, job.data, job.plan, options)
    places = (job.data, job.ledger, segments, job.plan, info, options, job.plan.batches[index], decoder)
    entry = paint_directly(*places, painter, folder, attempts=1, worker="w")
    return [frame.source_sha256 for frame in entry.frames]


def failing(frames: Pixels) -> Pixels:
    raise ArithmeticError("not this one")


def test_a_batch_that_fails_leaves_the_next_one_its_own_frames(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25:duration=0.8", "-pix_fmt", "yuv420p", clip)
    with FrameDecoder(clip, probe_video(clip)) as decoder:
        expected = sources(small_job(tmp_path / "undisturbed", 20, 10), decoder, tmp_path, 1, SAME)
    job = small_job(tmp_path / "disturbed", 20, 10)
    with FrameDecoder(clip, probe_video(clip)) as decoder:
        with pytest.raises(ArithmeticError) as kept:  # as a cluster keeps what a task raised
            sources(job, decoder, tmp_path, 0, at_once(failing))
        assert sources(job, decoder, tmp_path, 1, SAME) == expected
    assert kept.value.__traceback__


def test_frames_are_painted_while_those_before_are_hashed_and_told_of(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25:duration=0.4", "-pix_fmt", "yuv420p", clip)
    job, info, painted, told = small_job(tmp_path, 10, 10), probe_video(clip), list[int](), list[bool]()
    going_on = threading.Event()

    def paint(frames: Pixels) -> Pixels:
        painted.append(len(frames))
        if len(painted) == 2:
            going_on.set()
        return frames

    segments = Segments(job.control, job.data, job.plan, OutputOptions())
    with FrameDecoder(clip, info) as decoder:
        paint_directly(
            job.data, job.ledger, segments, job.plan, info, OutputOptions(), job.plan.batches[0], decoder,
            at_once(paint), tmp_path, attempts=1, worker="w", seen=lambda _: told.append(going_on.wait(30)),
        )  # fmt: skip
    assert painted == [2] * 5
    assert told == [True] * 10
