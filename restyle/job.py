"""What a job is: everything that decides its pixels, and the id hashed from it."""

import hashlib
import math
from typing import Literal

from pydantic import Field

from restyle.domain import FrameFormat, Frozen

PIXEL_VERSION = 2
"""Raised whenever inference, decoding or colour handling changes pixels: jobs of before are then other jobs."""

MOST_CARRIED = 0.9
"""Of the painting before, at `smooth` 1: all of it would show the first painting for ever."""
FORGOTTEN = 0.1
"""What is left, after a lead-in, of the one frame with which it began."""


class VideoSource(Frozen):
    """A video in the data store and the proof of its content."""

    key: str
    size_bytes: int
    identity: str = Field(
        description="'sha256:HEX' of a file's bytes, or 'etag:ETAG' for a blob that was there already"
    )

    @property
    def name(self) -> str:
        """The file name, without folders."""
        return self.key.rsplit("/", 1)[-1]


class StylePart(Frozen):
    """One style of a mix, and its share of every pixel."""

    name: str
    sha256: str
    share: float


class StyleRef(Frozen):
    """What paints, by name for people and by hash for the pipeline."""

    name: str
    sha256: str = Field(
        description="of the weights, a mix's parts and shares, a painting and recipe, or a user's model"
    )
    kind: Literal["style", "mix", "gatys", "callable", "program"] = "style"
    parts: tuple[StylePart, ...] = Field(default=(), description="of a mix; their shares add up to 1")


class Look(Frozen):
    """The options that change a painted frame."""

    strength: float = Field(default=1.0, ge=0.0, le=1.0, description="0 gives the source's pixels, 1 the full style")
    keep_color: bool = Field(default=False, description="the source's colours, the painting's brightness")
    stroke: float = Field(default=1.0, ge=0.5, le=2.0, description="broader strokes above 1, finer below")
    max_side: int | None = Field(
        default=None, ge=16, description="frames are scaled down to this longer side, in pixels"
    )
    frames: FrameFormat | Literal["none"] = Field(
        default="jpeg", description="how frames are stored on their way; none: not at all, painted directly"
    )
    smooth: float = Field(
        default=0.0, ge=0.0, le=1.0, description="blends each painting with the one before, moved along: 0 not at all"
    )

    @property
    def direct(self) -> bool:
        """Whether each batch goes from the source's bytes to a segment, without images of its frames."""
        return self.frames == "none"

    @property
    def image(self) -> FrameFormat:
        """The format of the images that are stored."""
        return "jpeg" if self.frames == "none" else self.frames

    @property
    def carried(self) -> float:
        """The share of the painting before in the next one, where the motion between them is known."""
        return MOST_CARRIED * self.smooth

    @property
    def lead_in(self) -> int:
        """Frames to paint before a batch begins, so that it begins as the batch before it ends."""
        return math.ceil(math.log(FORGOTTEN) / math.log(self.carried)) if self.carried else 0


class Job(Frozen):
    """A video, a style and a look: equal jobs give equal painted frames."""

    video: VideoSource
    style: StyleRef
    look: Look = Look()
    pixel_version: int = PIXEL_VERSION

    @property
    def job_id(self) -> str:
        """16 hexadecimal digits over the content of video and weights, the look, and the version of the pixels."""
        look = self.look.model_dump_json(exclude_defaults=True)  # an option of tomorrow changes no job of today
        parts = (self.video.identity, str(self.video.size_bytes), self.style.sha256, look)
        return hashlib.sha256("\n".join((*parts, str(self.pixel_version))).encode()).hexdigest()[:16]
