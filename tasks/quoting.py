"""A sample of a video, painted in this process with the painter of a run, to tell what all of it would take."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.checkpoint import read_checkpoint
from models.inference import Painter, load_painter
from models.runtime import choose_numeric_path, core_count
from models.styles import shipped
from restyle.contact_sheet import sample_frames
from restyle.domain import FrameFormat, NumericPath, VideoInfo
from restyle.images import Pixels, decode_image, encode_image
from restyle.job import Look
from restyle.media.decode import FrameDecoder
from restyle.media.encode import encode_segment
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.quote import LEAST_SAMPLE, Sample, sample_size
from tasks.fitting import noise_frames
from tasks.painters import make_painter
from tasks.styles import Chosen


def take_sample(source: Path, chosen: Chosen, look: Look, output: OutputOptions, training_s: float) -> Sample:
    """Look at a video as a run does, paint one frame in a hundred, spread over it, and take every time.

    training_s: of what a run would do first, and this does not. Nothing is kept. Raises what the probe, the decoder,
    the loading of a style and its painting raise.
    """
    begun = time.perf_counter()
    info = probe_video(source, checked=True)
    look_s = time.perf_counter() - begun
    numeric = choose_numeric_path()
    numbers = sample_frames(info.frame_count, sample_size(info.frame_count))
    with FrameDecoder(source, info, look.max_side) as decoder:
        width, height = decoder.width, decoder.height
        painter = make_painter(chosen.ref, numeric, look, chosen.files.__getitem__)
        paint_s, images_s, kept = _paint(decoder, numbers, painter, look, warm=chosen.ref.kind != "gatys")
    return Sample(
        frames=info.frame_count,
        lead_in=look.lead_in,
        width=width,
        height=height,
        sampled=len(numbers),
        paint_s=paint_s / len(numbers),
        around_s=images_s / len(numbers) + _encoding_s(kept, info, output),
        look_s=look_s,
        network_megapixels_per_s=_network_speed(numeric, width, height),
        cores=core_count(),
        training_s=training_s,
    )


def _paint(
    decoder: FrameDecoder, numbers: Sequence[int], painter: Painter, look: Look, warm: bool
) -> tuple[float, float, list[Pixels]]:
    """Seconds of painting, of images, and a few painted frames. warm: paint once before, as a worker has long done."""
    paint_s = images_s = 0.0
    kept: list[Pixels] = []
    for first in range(0, len(numbers), painter.path.mini_batch):
        part = numbers[first : first + painter.path.mini_batch]
        frames = np.stack([frame for number in part for frame in decoder.frames(number, number + 1)])
        if warm and not first:
            painter(frames)
        begun = time.perf_counter()
        painted = painter(frames)
        paint_s += time.perf_counter() - begun
        kept.extend(painted[: max(0, LEAST_SAMPLE - len(kept))])
        if not look.direct:
            images_s += sum(_image_s(pixels, look.image) for pixels in (*frames, *painted))
    return paint_s, images_s, kept


def _image_s(pixels: Pixels, image: FrameFormat) -> float:
    begun = time.perf_counter()
    decode_image(encode_image(pixels, image), "sample", pixels.shape[1], pixels.shape[0])
    return time.perf_counter() - begun


def _encoding_s(painted: Sequence[Pixels], info: VideoInfo, output: OutputOptions) -> float:
    """Seconds a frame, on one core; frames that lie apart are harder to encode than neighbours, so rather too many."""
    height, width = painted[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        encode_segment(painted, (width, height), info, output, Path(folder) / "sample.mkv")
        return (time.perf_counter() - begun) / len(painted)


def _network_speed(numeric: NumericPath, width: int, height: int) -> float:
    """Megapixels a second that a style's network paints here: what the price table's devices are told in."""
    style = next(iter(shipped().values()))
    painter = load_painter(read_checkpoint(style.path).data, numeric)
    noise = noise_frames(numeric.mini_batch, width, height)
    painter(noise)
    begun = time.perf_counter()
    painter(noise)
    return len(noise) * width * height / 1e6 / (time.perf_counter() - begun)
