"""The frozen types that cross steps: what a video is, what a batch is, what was painted.

Times are seconds or exact multiples of a ``Fraction`` time base; sizes are pixels or bytes; indices count from 0.
"""

from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FrameFormat = Literal["jpeg", "png"]
Codec = Literal["h264", "hevc", "av1", "h264_nvenc", "hevc_nvenc", "av1_nvenc"]
Engine = Literal["auto", "full", "fast", "gatys"]


class Frozen(BaseModel):
    """An immutable value, equal by its fields, written as JSON and pickled as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ColorTags(Frozen):
    """How numbers mean colours, in ffmpeg's names (``bt709``, ``smpte170m``, ``bt2020nc``, ...)."""

    matrix: str
    primaries: str
    transfer: str
    full_range: bool = False


class Track(Frozen):
    """An audio or subtitle stream of the source."""

    stream_index: int
    kind: Literal["audio", "subtitle"]
    codec: str
    language: str | None = None
    start_s: Fraction | None = Field(default=None, description="when it is first heard or seen, by the source's clock")


class VideoInfo(Frozen):
    """What the probe found by decoding the whole video once: the truth every later step counts by."""

    width: int = Field(description="pixels of a decoded frame, after rotation")
    height: int
    sample_aspect: Fraction = Field(description="width of a pixel over its height, after rotation; 1 when square")
    rotation_deg: int = Field(description="clockwise turn applied when decoding: 0, 90, 180 or 270")
    mirrored: bool = Field(default=False, description="flipped left to right after that turn, as the container asks")
    stream_index: int = Field(default=0, description="of the video stream in its container")
    codec: str
    container: str
    color: ColorTags = Field(description="of the frames as given out (after tone mapping), range as in the source")
    stored_color: ColorTags | None = Field(default=None, description="of the coded samples, where it is not color")
    tone_map: str | None = Field(default=None, description="the operator that mapped HDR to SDR, if one was needed")
    peak_nits: int | None = Field(default=None, description="brightest the HDR source gets, for the operator")
    interlaced: bool = False
    time_base: Fraction = Field(description="seconds per tick of pts")
    pts: tuple[int, ...] = Field(description="presentation time of every decodable frame, strictly increasing")
    last_duration: int = Field(description="ticks for which the last frame is shown")
    damaged: int = Field(default=0, description="packets missing, unreadable or decoded with faults")
    tracks: tuple[Track, ...] = ()
    keyframes: tuple[int, ...] = Field(default=(), description="frames at which decoding may begin; of a checked probe")
    checksums: tuple[int, ...] = Field(default=(), description="of every decoded frame; of a checked probe")

    @property
    def frame_count(self) -> int:
        """Number of frames, N: every later step must meet frames 0..N-1 exactly once."""
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """From the first frame's appearance to the last one's end, in seconds."""
        return float((self.pts[-1] + self.last_duration - self.pts[0]) * self.time_base)

    @property
    def average_rate(self) -> Fraction:
        """Frames per second over the whole clip."""
        return Fraction(self.frame_count) / ((self.pts[-1] + self.last_duration - self.pts[0]) * self.time_base)


class FrameBatch(Frozen):
    """Frames [start, stop) of one video: the unit of work, of retry and of resume."""

    index: int
    start: int
    stop: int

    @property
    def last(self) -> int:
        """The last frame, for people, who count none beyond it."""
        return self.stop - 1

    def __len__(self) -> int:
        return self.stop - self.start


class FrameRange(Frozen):
    """Whole batches [first_batch, last_batch] whose frames [start, stop) are split and uploaded together."""

    index: int
    start: int
    stop: int
    batches: tuple[FrameBatch, ...]

    @property
    def last(self) -> int:
        """The last frame, for people, who count none beyond it."""
        return self.stop - 1


class NumericPath(Frozen):
    """What decides a painted frame's last bits besides weights and options; fixed in the plan."""

    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16", "float16"]
    compiled: bool = Field(default=False, description="the network by torch.compile (models.compiling)")
    blocks: bool = Field(default=False, description="the last convolution makes several pixels at once (models.blocks)")
    threads: int = Field(ge=1, description="torch threads per worker process")
    mini_batch: int = Field(ge=1, description="frames per forward pass")
