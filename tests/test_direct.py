"""Batches painted directly, one after another by one decoder."""

from pathlib import Path

import pytest

from restyle.batches import Painter
from restyle.direct import paint_directly
from restyle.encoding import Segments
from restyle.images import Pixels
from restyle.media.decode import FrameDecoder
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from tests.jobs import HEIGHT, WIDTH, SmallJob, small_job
from tests.media.recipes import ffmpeg


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
        expected = sources(small_job(tmp_path / "undisturbed", 20, 10), decoder, tmp_path, 1, lambda frames: frames)
    job = small_job(tmp_path / "disturbed", 20, 10)
    with FrameDecoder(clip, probe_video(clip)) as decoder:
        with pytest.raises(ArithmeticError) as kept:  # as a cluster keeps what a task raised
            sources(job, decoder, tmp_path, 0, failing)
        assert sources(job, decoder, tmp_path, 1, lambda frames: frames) == expected
    assert kept.value.__traceback__
