"""Coded frames become upright RGB: deinterlacing, matrix and range, scaling, tone mapping, alpha, turns.

Runs inside the decoder process only.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

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
_WHITE_LIMITED = 255 << 8  # swscale widens limited-range samples to 16 bits by a shift
_WHITE_FULL = 65535


class Renderer:
    """Turns decoded frames of one video into (H, W, 3) RGB as its recipe says."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._scaler = VideoReformatter()
        self._orientation = Orientation(recipe.transpose, recipe.flip_x, recipe.flip_y)
        self._white = _WHITE_FULL if recipe.full_range else _WHITE_LIMITED
        self._tone_mapper = (
            ToneMapper(recipe.hdr_transfer, recipe.hdr_primaries, recipe.peak_nits, self._white)
            if recipe.hdr_transfer
            else None
        )

    def rgb(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """The frame as upright 8-bit RGB, (H, W, 3), contiguous."""
        if self._tone_mapper:
            picture = self._tone_mapper.map(cast(NDArray[np.uint16], self._scaled(frame, "rgb48le")))
        elif _has_alpha(frame.format):
            picture = _over_black(cast(NDArray[np.uint8], self._scaled(frame, "rgba")))
        elif self._recipe.full_range and _depth(frame.format) > 8:  # straight to 8 bits swscale errs by over a level
            deep = self._scaled(frame, "rgb48le").astype(np.uint32)
            picture = ((deep * 255 + _WHITE_FULL // 2) // _WHITE_FULL).astype(np.uint8)
        else:
            picture = cast(NDArray[np.uint8], self._scaled(frame, "rgb24"))
        return make_upright(picture, self._orientation)

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


def _has_alpha(sample_format: VideoFormat) -> bool:
    return sample_format.has_palette or any(component.is_alpha for component in sample_format.components)


def _depth(sample_format: VideoFormat) -> int:
    return max(component.bits for component in sample_format.components)


def _over_black(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) with straight alpha, shown on black: (H, W, 3)."""
    weighted = rgba[..., :3].astype(np.uint16) * rgba[..., 3:]
    return ((weighted + 127) // 255).astype(np.uint8)


Stamped = tuple[int, av.VideoFrame]


def deinterlaced(frames: Iterator[Stamped], time_base: Fraction) -> Iterator[Stamped]:
    """One progressive frame for each frame, with its stamp; frames not marked interlaced pass as they are.

    bwdif looks one frame back and ahead, so it must see every frame in order, wanted or not.
    """
    graph: av.filter.Graph | None = None
    kind: object = None
    waiting: deque[int] = deque()
    for stamp, frame in frames:
        if kind != (kind := (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)):
            if graph:
                yield from _pulled(graph, waiting, last=True)
            graph = _deinterlacer(frame, time_base)
        assert graph
        graph.push(frame)
        waiting.append(stamp)
        yield from _pulled(graph, waiting)
    if graph:
        yield from _pulled(graph, waiting, last=True)


def _deinterlacer(frame: av.VideoFrame, time_base: Fraction) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=f"{time_base.numerator}/{time_base.denominator}",
        pixel_aspect="1/1",
        colorspace=str(frame.colorspace),
        range=str(frame.color_range),
    )
    bwdif = graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
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
