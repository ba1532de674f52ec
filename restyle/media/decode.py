"""Frames of a video as RGB, any range of them, decoded in a child process."""

import logging
from bisect import bisect_right
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from restyle.domain import VideoInfo
from restyle.errors import DecodingFailed
from restyle.media import limits, wire
from restyle.media.color import SWSCALE_MATRICES
from restyle.media.decoder_process import DecoderProcess
from restyle.media.geometry import orientation_of_turn, painted_size
from restyle.media.ranged import RangedVideo

# Their 4:2:0 is sited as MPEG-2's by convention, but nothing in the stream says so, and swscale would centre it.
_SILENT_ON_CHROMA = ("vp8", "vp9")

log = logging.getLogger(__name__)


class FrameDecoder:
    """Decodes one probed video; a context manager that leaves no process behind.

    It keeps its place between calls: a range further on is reached by decoding alone, without conversion, or by a jump
    to a key frame before it; one further back by a jump, or from the start. Where a jump does not give the very frames
    that the probe saw, which their checksums tell, it is given up, and the range is decoded from the start. One call at
    a time, from any thread.
    """

    def __init__(self, video: Path | RangedVideo, info: VideoInfo, max_side: int | None = None) -> None:
        """video: what info was probed from, a local file or one elsewhere; max_side: of a frame at most, in pixels."""
        self._video = video
        self._info = info
        self.width, self.height = painted_size(info, max_side)
        self._recipe = _recipe(info, self.width, self.height)
        self._keyframes = info.keyframes
        self._child: DecoderProcess | None = None
        self._next = 0
        self._jumped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decoder process, if there is one; the next call of frames would start another."""
        if self._child:
            self._child.close()
            self._child = None

    def frames(self, start: int, stop: int) -> Generator[NDArray[np.uint8], None, None]:
        """Frames [start, stop) in order, each a new (H, W, 3) RGB array of self.height rows and self.width columns.

        Who takes fewer closes what this returns, before the next call.

        Raises ValueError for a range outside the video, and DecodingFailed when the decoder dies, hangs or gives
        other frames than the probe counted.
        """
        if not 0 <= start <= stop <= self._info.frame_count:
            raise ValueError(f"frames [{start}, {stop}) of {self._video}, which has {self._info.frame_count}")
        return self._frames(start, stop)

    def _frames(self, start: int, stop: int) -> Generator[NDArray[np.uint8], None, None]:
        if start == stop:
            return
        whole = False
        try:
            child, jumped = self._ask(start, stop)
            for index in range(start, stop):
                try:
                    frame = self._receive(child, index)
                except DecodingFailed as error:
                    if not jumped:
                        raise
                    log.warning("%s; decoding from the start", error)
                    self._keyframes = ()
                    self.close()
                    child, jumped = self._ask(index, stop)
                    frame = self._receive(child, index)
                self._next = index + 1
                whole = self._next == stop
                yield frame
        finally:
            if not whole:  # abandoned or failed half way: what is still in the pipe belongs to nobody
                self.close()

    def _ask(self, start: int, stop: int) -> tuple[DecoderProcess, bool]:
        """Ask a decoder process for a range; whether what it gives begins with a jump."""
        # A deinterlacer needs the frame before, which must have had its own.
        latest = start - 2 * self._info.interlaced
        place = bisect_right(self._keyframes, latest) - 1
        key = self._keyframes[place] if place >= 0 else -1
        if self._child and self._next > start and key < 0:
            self.close()
        if not self._child:
            self._child = DecoderProcess(self._video, "decode_child", wire.to_json(self._recipe).decode())
            self._next = 0
        if self._next <= start and key <= self._next:
            key = -1  # nothing to be gained
        self._child.ask(start, stop, key, self._info.pts[key] if key >= 0 else 0)
        self._jumped = key >= 0 or (self._jumped and self._next > 0)
        return self._child, self._jumped

    def _receive(self, child: DecoderProcess, index: int) -> NDArray[np.uint8]:
        header = child.header()
        remedy = "the file has changed since it was probed; start again"
        if header.kind == wire.END:
            child.require_read()
            expected = self._info.frame_count
            raise DecodingFailed(f"{self._video}: ends after {header.frame} frames, of {expected} probed; {remedy}")
        frame = np.empty((self.height, self.width, 3), np.uint8)
        if (header.kind, header.frame, header.size) != (wire.FRAME, index, frame.nbytes):
            raise DecodingFailed(f"{self._video}: its decoder sent {header} instead of frame {index}")
        if header.pts != self._info.pts[index]:
            raise DecodingFailed(
                f"{self._video}: frame {index} has time stamp {header.pts}, not {self._info.pts[index]}; {remedy}"
            )
        child.read_into(frame.data)
        if self._recipe.checked and header.checksum != self._info.checksums[index]:
            raise DecodingFailed(f"{self._video}: frame {index} is not the one that was probed; {remedy}")
        return frame


def _recipe(info: VideoInfo, width: int, height: int) -> wire.Recipe:
    orientation = orientation_of_turn(info.rotation_deg, info.mirrored)
    stored = info.stored_color or info.color
    return wire.Recipe(
        stream_index=info.stream_index,
        threads=1 if info.damaged else limits.DECODER_THREADS,  # see facts.gather
        first_pts=info.pts[0],
        width=height if orientation.transpose else width,
        height=width if orientation.transpose else height,
        transpose=orientation.transpose,
        flip_x=orientation.flip_x,
        flip_y=orientation.flip_y,
        sws_matrix=SWSCALE_MATRICES.get(stored.matrix, 0),
        full_range=stored.full_range,
        deinterlace=info.interlaced,
        left_chroma=info.codec in _SILENT_ON_CHROMA,
        hdr_transfer=stored.transfer if info.tone_map else None,
        hdr_primaries=stored.primaries,
        peak_nits=info.peak_nits or 0,
        checked=bool(info.checksums),
    )
