"""Encoding painted frames: RGB through a pipe into ffmpeg, out comes a segment that can be joined to others."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from restyle.domain import ColorTags, VideoInfo
from restyle.errors import EncodingFailed
from restyle.media.inputs import Spec
from restyle.media.options import OutputOptions
from restyle.media.process import Ffmpeg
from restyle.prefetch import prefetch

# Matrices that swscale applies; the others (constant luminance, ICtCp, ...) are never those of 8-bit video.
_MATRICES = ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc")
_SECONDS_PER_GOP = 5
# Of a painted clip at CRF 19, "medium" takes a third more time than "fast" and saves a hundredth of the bytes.
_PRESETS = {"h264": "fast", "hevc": "fast", "av1": "8"}
_NVENC_PRESET = "p5"  # "good quality" in its own words
_X265 = "log-level=error:open-gop=0:info=0"  # info would make the headers of two machines' segments differ


def coded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels as coded: 4:2:0 needs even ones."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def encode_segment(
    frames: Iterable[NDArray[np.uint8]],
    size: tuple[int, int],
    info: VideoInfo,
    options: OutputOptions,
    target: Path,
    threads: int = 1,
) -> int:
    """Encode frames into one segment at `target` (Matroska, whatever its name) and return how many there were.

    frames: (H, W, 3) RGB of `size` (width, height), in the colours of info.color; an odd last column or row is
    repeated. The n-th frame is stamped n at the video's average rate: real times come when segments are joined.
    Every segment starts with a key frame, refers to no other and has the same headers under the same options and
    number of threads.
    Raises EncodingFailed, also for a frame of another size, or DiskFull; then nothing is left at `target`.
    """
    count = 0
    task = f"encoding {target.name} as {options.codec} {size[0]}x{size[1]}"
    try:
        with (
            Ffmpeg(_command(size, info, options, target, threads), target, task=task, gpu=options.on_gpu) as process,
            ThreadPoolExecutor(1, thread_name_prefix="encoding") as pool,  # one thread, for their order
        ):
            for _ in prefetch(pool, lambda frame: process.write(_raw(frame, size, task)), frames, ahead=2):
                count += 1
            process.finish()
    except BaseException:
        if target.is_file():
            target.unlink()
        raise
    return count


def _raw(frame: NDArray[np.uint8], size: tuple[int, int], task: str) -> memoryview:
    """The bytes of an RGB frame, its last column and row repeated to even."""
    width, height = size
    if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
        raise EncodingFailed(f"{task}: a frame is {frame.dtype} {frame.shape}, not uint8 {(height, width, 3)}")
    if width % 2 or height % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame).data.cast("B")


def _command(size: tuple[int, int], info: VideoInfo, options: OutputOptions, target: Path, threads: int) -> Spec:
    width, height = coded_size(size)
    aspect = info.sample_aspect.limit_denominator(1000)
    tags = info.color
    matrix = tags.matrix if tags.matrix in _MATRICES else "bt709"
    rate = segment_rate(info)
    source = ffmpeg.input(
        "pipe:", protocol_whitelist="pipe", format="rawvideo", pixel_format="rgb24",
        video_size=(width, height), framerate=str(rate),
    )  # fmt: skip
    # The cubic (B, C) that halves chroma so that widening it again, as swscale and most players do, gives back what was
    # there: its taps (.633 .268 -.067 ...) come nearest to the least-squares inverse (.634 .308 -.107 ...).
    picture = (
        source.filter(
            "scale", out_color_matrix=matrix, out_range="limited", out_chroma_loc="left",
            flags="bicubic+accurate_rnd+full_chroma_int+full_chroma_inp", param0=-0.8, param1=0.15,
        )
        .filter("format", "yuv420p")
        .filter("setparams", range="limited", field_mode="prog", chroma_location="left", **_named(tags, matrix))
        .filter("setsar", f"{aspect.numerator}/{aspect.denominator}", max=65535)
    )  # fmt: skip
    gop = max(1, round(rate * _SECONDS_PER_GOP))
    return ffmpeg.output(picture, f"file:{target}", format="matroska", g=gop, **_coding(options, threads))


def _named(tags: ColorTags, matrix: str) -> dict[str, str]:
    return {"colorspace": matrix, "color_primaries": tags.primaries, "color_trc": tags.transfer}


def _coding(options: OutputOptions, threads: int) -> dict[str, str | int]:
    coder: dict[str, str | int] = {"c:v": options.coder.encoder, "filter_threads": threads}
    if options.on_gpu:
        return coder | {"preset": _NVENC_PRESET, "rc": "vbr", "cq": options.quality, "b:v": 0}
    chosen = coder | {"crf": options.quality, "preset": _PRESETS[options.codec], "threads": threads}
    match options.codec:
        case "h264":
            return chosen
        case "hevc":  # its wrapper passes on the number of frames under way, not that of the pool's threads
            return chosen | {"x265-params": f"{_X265}:pools={threads}"}
        case _:
            return chosen | {"svtav1-params": f"lp={threads}"}


def segment_rate(info: VideoInfo) -> Fraction:
    """Frames per second told to the encoder, for its rate control only: the average one, kept within what all take."""
    span = (info.pts[-1] + info.last_duration - info.pts[0]) * info.time_base
    if span <= 0:
        return Fraction(25)
    return min(max(Fraction(info.frame_count) / span, Fraction(1)), Fraction(120)).limit_denominator(1001)
