"""Coded frames become upright RGB: deinterlacing, matrix and range, scaling, tone mapping, alpha, turns.

Runs inside the decoder process only.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import av
import av.error
import av.filter
import numpy as np
from av.video.format import VideoFormat
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from restyle.media.geometry import Orientation, make_upright
from restyle.media.tonemap import ToneMapper
from restyle.media.wire import Recipe

# Rounding instead of truncation, chroma interpolated to every pixel, the same bits on every processor: against exact
# arithmetic 8-bit RGB is then off by half a level at most. Bicubic widens when it scales down, so nothing aliases.
_SCALER = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)


class Renderer:
    """Turns decoded frames of one video into (H, W, 3) RGB as its recipe says."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._scaler = VideoReformatter()
        self._orientation = Orientation(recipe.transpose, recipe.flip_x, recipe.flip_y)
        self._tone_mapper: ToneMapper | None = None

    def rgb(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The frame as upright 8-bit RGB, (H, W, 3), contiguous."""
        return make_upright(self._as_stored(frame), self._orientation)

    def _as_stored(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The frame as 8-bit RGB, not turned yet."""
        if self._recipe.hdr_transfer:
            return self._tone_mapped(frame, self._recipe.hdr_transfer)
        if _is_grey(frame.format):
            levels = _grey_levels(_depth(frame.format), self._recipe.full_range)[self._scaled(frame, "gray16le")]
            return np.repeat(levels[..., None], 3, axis=-1)
        if _has_alpha(frame.format):
            return _over_black(self._scaled(frame, "rgba"))
        if self._recipe.full_range and _depth(frame.format) > 8:  # straight to 8 bits swscale errs by over a level
            white = self._white(frame)
            deep = self._scaled(frame, "rgb48le").astype(np.uint32)
            return np.minimum((deep * 255 + white // 2) // white, 255).astype(np.uint8)
        rgb: NDArray[np.uint8] = self._scaled(frame, "rgb24")
        return rgb

    def _tone_mapped(self, frame: av.VideoFrame, transfer: str) -> NDArray[np.uint8]:
        if not self._tone_mapper:
            primaries, peak = self._recipe.hdr_primaries, self._recipe.peak_nits
            self._tone_mapper = ToneMapper(transfer, primaries, peak, self._white(frame))
        return self._tone_mapper.map(self._scaled(frame, "rgb48le"))

    def _white(self, frame: av.VideoFrame) -> int:
        """The code of white in 16-bit RGB: swscale widens by a shift, limited range as if it had 8 bits."""
        depth = _depth(frame.format) if self._recipe.full_range else 8
        return ((1 << depth) - 1) << (16 - depth)

    def _scaled(self, frame: av.VideoFrame, sample_format: str) -> NDArray[Any]:  # Any: uint8 or uint16 by format
        source_range = ColorRange.JPEG if self._recipe.full_range else ColorRange.MPEG
        scaled = self._scaler.reformat(
            frame,
            width=self._recipe.width,
            height=self._recipe.height,
            format=sample_format,
            src_colorspace=self._recipe.sws_matrix,
            src_color_range=source_range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_SCALER,
            threads=self._recipe.threads,
        )
        return scaled.to_ndarray()


def _is_grey(sample_format: VideoFormat) -> bool:
    return len(sample_format.components) == 1 and not sample_format.has_palette


def _has_alpha(sample_format: VideoFormat) -> bool:
    return sample_format.has_palette or any(component.is_alpha for component in sample_format.components)


def _depth(sample_format: VideoFormat) -> int:
    return max(component.bits for component in sample_format.components)


@cache
def _grey_levels(depth: int, full_range: bool) -> NDArray[np.uint8]:
    """8-bit levels of 16-bit grey; swscale takes grey for full range whatever its tag says."""
    signal = np.linspace(0, 1, 1 << 16)
    if not full_range:
        black, white = (level * (1 << (depth - 8)) / ((1 << depth) - 1) for level in (16, 235))
        signal = np.clip((signal - black) / (white - black), 0, 1)
    return np.rint(255 * signal).astype(np.uint8)


def _over_black(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) with straight alpha, shown on black: (H, W, 3)."""
    weighted = rgba[..., :3].astype(np.uint16) * rgba[..., 3:]
    return ((weighted + 127) // 255).astype(np.uint8)


Stamped = tuple[int, av.VideoFrame]


def filtered(frames: Iterator[Stamped], time_base: Fraction, recipe: Recipe) -> Iterator[Stamped]:
    """One frame, deinterlaced if need be, for each frame, with its stamp.

    bwdif looks one frame back and ahead, so it must see every frame in order, wanted or not. Frames not marked
    interlaced pass it as they are.
    """
    if not (recipe.deinterlace or recipe.left_chroma):
        yield from frames
        return
    graph: av.filter.Graph | None = None
    kind: object = None
    waiting: deque[int] = deque()
    for stamp, frame in frames:
        if kind != (kind := (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)):
            if graph:
                yield from _pulled(graph, waiting, last=True)
            graph = _graph(frame, time_base, recipe)
        assert graph
        graph.push(frame)
        waiting.append(stamp)
        yield from _pulled(graph, waiting)
    if graph:
        yield from _pulled(graph, waiting, last=True)


def _graph(frame: av.VideoFrame, time_base: Fraction, recipe: Recipe) -> av.filter.Graph:
    graph = av.filter.Graph()
    nodes = [
        graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=f"{time_base.numerator}/{time_base.denominator}",
            pixel_aspect="1/1",
            colorspace=str(frame.colorspace),
            range=str(frame.color_range),
        )
    ]
    if recipe.deinterlace:
        nodes.append(graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced"))
    if recipe.left_chroma:
        nodes.append(graph.add("setparams", chroma_location="left"))
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph


def _pulled(graph: av.filter.Graph, waiting: deque[int], last: bool = False) -> Iterator[Stamped]:
    """The frames the filter has ready, each with the stamp that has waited longest."""
    if last:
        graph.push(None)
    while True:
        try:
            frame = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield waiting.popleft(), frame
