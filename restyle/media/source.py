"""Opening and reading an untrusted video file with PyAV, inside the decoder process only.

libav is given an open file and never a name: no path, URL or reference in the file is ever followed.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import av.container
import av.error
import av.stream
import av.video.stream

from restyle.media import limits
from restyle.media.timeline import step_in_ticks

_NOT_FRAMES = (
    av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails | av.stream.Disposition.still_image
)


Open = Callable[[], io.RawIOBase]
"""Gives a new file object over the video."""


class Refused(Exception):
    """Why a file cannot be used: the rest of a sentence that begins with its name."""


class Source:
    """One video stream of an open container, read frame by frame from the start, or from where it was sought."""

    def __init__(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
        self.container = container
        self.stream = stream
        self.packets = 0
        self.damaged = 0

    @property
    def time_base(self) -> Fraction:
        return self.stream.time_base or Fraction(1, 90000)

    @property
    def step(self) -> int:
        """Ticks between frames as the container states its rate."""
        return step_in_ticks(self.stream.guessed_rate or self.stream.average_rate, self.time_base)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Every frame that decodes, in the order they are shown. Damage is counted and stepped over."""
        for packet in self._packets():
            try:
                frames = self.stream.codec_context.decode(packet)
            except (av.error.EOFError, av.error.MemoryError, MemoryError):
                raise
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                self.damaged += frame.is_corrupt
                yield frame

    def seek(self, pts: int) -> None:
        """Go to the key frame of this time stamp, or to one before; what is read next is decoded from there."""
        self.container.seek(pts, stream=self.stream)

    def _packets(self) -> Iterator["av.Packet[av.video.stream.VideoStream] | None"]:
        """The stream's packets, then None, which makes the decoder give out what it still holds."""
        try:
            for packet in self.container.demux(self.stream):
                if packet.size:
                    self.packets += 1
                    yield packet
        except av.error.FFmpegError:  # unreadable from here on: what came before still counts
            self.damaged += 1
        yield None


def _refuse_other_files(url: str, flags: int, options: dict[str, str]) -> object:
    raise PermissionError(f"a video may not open other files: {url!r}, flags {flags}, {len(options)} options")


@contextmanager
def open_source(video: Open, threads: int, stream_index: int | None = None) -> Iterator[Source]:
    """The video, its decoder set up.

    stream_index: of the stream to read; the main video stream without it. Raises Refused.
    """
    options = {
        "format_whitelist": ",".join(limits.DEMUXERS),
        "codec_whitelist": ",".join(limits.VIDEO_DECODERS + limits.AUDIO_DECODERS),
        "protocol_whitelist": "none",
        "max_pixels": str(limits.MAX_PIXELS),
        "max_streams": str(limits.MAX_STREAMS + 1),  # one more, to tell: libav drops what is above in silence
    }
    with video() as file:
        file.seek(0)
        try:
            container = av.open(file, "r", options=options, io_open=_refuse_other_files, metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise Refused(_why_unopened(video, error)) from error
        with container:
            stream = _main_stream(container) if stream_index is None else container.streams[stream_index]
            if not isinstance(stream, av.video.stream.VideoStream):
                raise Refused("has another kind of stream where its video was; probe it again")
            _prepare(container, stream, threads)
            yield Source(container, stream)


def _why_unopened(video: Open, error: av.error.FFmpegError) -> str:
    with video() as file:
        file.seek(0)
        start = file.read(12) or b""
    if start[4:8] in (b"ftyp", b"mdat", b"wide", b"free", b"skip"):
        return "has no readable index (moov), as a recording that was cut short; export or copy it again"
    if isinstance(error, av.error.InvalidDataError | av.error.ArgumentError | av.error.EOFError):
        return (
            "is not a video file restyle reads (playlists, images and text are not); pass a video such as .mp4 or .mkv"
        )
    return f"cannot be read as a video ({error.strerror}); pass a video such as .mp4 or .mkv"


def _main_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The stream a player shows: the default one, then the largest, then the first; a cover picture is none."""
    if len(container.streams) > limits.MAX_STREAMS:
        raise Refused(f"holds more than {limits.MAX_STREAMS} streams, the limit; copy the ones that matter first")
    streams = [stream for stream in container.streams.video if not stream.disposition & _NOT_FRAMES]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams})
        cover = "only a cover picture" if container.streams.video else f"{' and '.join(kinds) or 'nothing'}"
        raise Refused(f"holds no video stream ({cover}); pass a file that has one")
    return max(
        streams,
        key=lambda s: (bool(s.disposition & av.stream.Disposition.default), _pixels(s), -s.index),
    )


def _pixels(stream: av.video.stream.VideoStream) -> int:
    return stream.width * stream.height if stream.codec_context else 0


def _prepare(container: av.container.InputContainer, stream: av.video.stream.VideoStream, threads: int) -> None:
    """Read this stream alone, with bounded memory and threads."""
    context = stream.codec_context
    if context is None or context.codec.name not in limits.VIDEO_DECODERS:
        name = context.codec.name if context else "an unknown codec"
        raise Refused(f"is coded in {name}, which restyle does not decode; convert it to H.264 first")
    if _pixels(stream) > limits.MAX_PIXELS:
        size = f"{stream.width}x{stream.height}"
        raise Refused(f"has frames of {size} pixels, above the limit of {limits.MAX_PIXELS}; scale it down first")
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    context.options = {"max_pixels": str(limits.MAX_PIXELS)}
    context.thread_count = threads
    context.thread_type = "AUTO"
