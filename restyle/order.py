"""What a person at the dashboard's form, or a trigger file in the store, may ask for: a video, what paints it, a look.

Who may write to the data store must not be able to run code here or to read our disk. So an order names keys of the
data store, styles and numbers, and nothing else: no path, module, program, checkpoint, address or place of output.
"""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from restyle.domain import Codec, Frozen
from restyle.errors import BadKey, BadSetting
from restyle.media.options import CODERS
from restyle.mix import is_mix, parse_mix
from restyle.storage.keys import MAX_CHARACTERS, check_key

# Letters, digits and a few signs of any language's file names; without '.', '/' and ':' no name is a path or a module.
_STYLE_NAME = re.compile(r"\w[\w ()'&+-]{0,99}")


def _store_key(key: str) -> str:
    """The key itself. Raises ValueError for what is no key, or looks like an address or a module."""
    try:
        check_key(key)
    except BadKey as error:
        raise ValueError(str(error)) from None
    if ":" in key.partition("/")[0]:
        raise ValueError(f"{key!r}: write the key alone, such as videos/clip.mp4, with nothing like data: before it")
    return key


def _style_words(style: str) -> str:
    """A style's name or a mix of names. Raises ValueError for anything else, above all for paths and modules."""
    try:
        names = [name for name, _ in parse_mix(style)] if is_mix(style) else [style]
    except BadSetting as error:
        raise ValueError(str(error)) from None
    for name in names:
        if not _STYLE_NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no style's name; a name has letters, digits, spaces, - and _, up to 100 of them"
            )
    return style


StoreKey = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS), AfterValidator(_store_key)]
StyleWords = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_style_words)]


class VideoOrder(Frozen):
    """One video to paint, in one style: give a style, or a painting to learn one from."""

    video: StoreKey = Field(
        description="The video's key in the data store, as it is listed there: videos/clip.mp4",
        examples=["videos/clip.mp4"],
    )
    style: StyleWords | None = Field(
        default=None,
        description="A style's name such as starry_night, or a mix of names: starry_night:0.6,wave:0.4",
        examples=["starry_night", "starry_night:0.6,wave:0.4"],
    )
    painting: StoreKey | None = Field(
        default=None,
        title="Painting to learn",
        description="Instead of a style: the key of a picture in the data store. A style is trained from it once, in "
        "minutes, and kept.",
        examples=["styles/kandinsky.jpg"],
    )
    fast: bool = Field(
        default=False,
        title="Fast",
        description="Paint with the style's smaller network, at four to five times the speed; for styles that restyle "
        "comes with.",
    )
    strength: float = Field(
        default=1.0, ge=0.0, le=1.0, description="How much of the style: 0 leaves the video as it is, 1 paints fully."
    )
    keep_color: bool = Field(
        default=False,
        title="Keep the video's colours",
        description="Paint with the strokes of the style, in the colours of the video.",
    )
    stroke: float = Field(
        default=1.0,
        ge=0.5,
        le=2.0,
        title="Stroke width",
        description="Broader strokes above 1, finer ones below.",
    )
    smooth: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        title="Smoothing in time",
        description="Calmer above 0: each painting is blended with the one before, moved along; takes longer.",
    )
    max_side: int | None = Field(
        default=None,
        ge=16,
        le=16384,
        title="Longer side, in pixels",
        description="Scale frames down to this before painting: faster, and smaller. Empty: as the video is.",
    )
    codec: Codec = Field(
        default="h264",
        title="Video codec",
        description="h264 plays everywhere; hevc and av1 make smaller files and take longer. With _nvenc, GPUs encode.",
    )
    crf: int | None = Field(
        default=None,
        ge=0,
        le=63,
        title="Quality (crf)",
        description="Lower is better and larger: h264 and hevc 0 to 51, av1 1 to 63, GPUs from 1. Empty: the usual.",
    )

    budget: float | None = Field(
        default=None,
        ge=0.01,
        le=1e9,
        description="End, resumable, before the run costs more than this, by the team's price table. Empty: no bound.",
    )

    @model_validator(mode="after")
    def _one_painter(self) -> Self:
        if (self.style is None) == (self.painting is None):
            raise ValueError("give exactly one of style and painting")
        if self.fast and self.painting is not None:
            raise ValueError("fast goes with a style, not with a painting: of a painting one full network is made")
        return self

    @model_validator(mode="after")
    def _crf_of_codec(self) -> Self:
        coder = CODERS[self.codec]
        if self.crf is not None and not coder.best_crf <= self.crf <= coder.worst_crf:
            raise ValueError(
                f"crf {self.crf} is out of range: {self.codec} takes {coder.best_crf} to {coder.worst_crf}"
            )
        return self

    def parameters(self) -> dict[str, str | float | int | bool]:
        """What of it differs from the defaults, as a run's parameters."""
        return self.model_dump(mode="json", exclude_defaults=True)


def faults(error: ValidationError) -> str:
    """What is wrong with an order, in one line a person can act on, however long the order was."""
    said = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(map(str, fault["loc"]))[:100]
        words = fault["msg"].removeprefix("Value error, ").removeprefix("--style ")
        said.append(f"{place}: {words}" if place else words)
    shown = "; ".join(said[:5]) + (f"; and {len(said) - 5} more" if len(said) > 5 else "")
    return "".join(sign if sign.isprintable() else " " for sign in shown)[:1000]
