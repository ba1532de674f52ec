"""The pictures a painter learns on: a user's own, or the photographs that scikit-image ships."""

import hashlib
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from PIL import Image
from torch import Tensor

from models.paintings import SUFFIXES, read_painting
from models.photographs import pyramid

# Of those in its wheel, the ones that look like what videos show; people, animals and things first.
PACKAGED = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "camera.png",
    "hubble_deep_field.jpg",
    "brick.png",
    "grass.png",
    "gravel.png",
)
# 100 pictures with their smaller versions fill 80 MB: the largest is twice as high as a crop and its margins.
MAX_PICTURES = 100
# What a picture is brought within before: a video's frames are decoded at no more.
MAX_SIDE = 800

T = TypeVar("T")


def packaged_photographs() -> list[Path]:
    """The photographs that are there wherever restyle is installed."""
    spec = find_spec("skimage")
    assert spec is not None, "scikit-image is a dependency"
    assert spec.origin is not None, "it is a package with a file"
    return [Path(spec.origin).parent / "data" / name for name in PACKAGED]


def is_picture(name: str) -> bool:
    """Whether a file of this name is taken for a picture."""
    return Path(name).suffix.lower() in SUFFIXES


def spread(things: Sequence[T], most: int = MAX_PICTURES) -> list[T]:
    """At most ``most`` of them, evenly spread, in their order."""
    count = min(most, len(things))
    return [things[(2 * i + 1) * len(things) // (2 * count)] for i in range(count)]


def identity(contents: Iterable[bytes]) -> str:
    """A hash of the contents of files, in their order."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def read_pictures(files: Iterable[tuple[str, bytes]], smallest_side: int) -> list[list[Tensor]]:
    """Pyramids of image files (name, content), at most MAX_SIDE wide or high. Raises BadPainting naming a bad file."""
    return [picture_pyramid(Image.fromarray(read_painting(data, name).pixels), smallest_side) for name, data in files]


def picture_pyramid(picture: Image.Image, smallest_side: int) -> list[Tensor]:
    """An RGB picture, brought within MAX_SIDE, in the scales that training crops are cut from."""
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return pyramid(picture, smallest_side)
