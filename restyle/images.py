"""How a frame becomes an image file and back: JPEG (4:4:4, quality 95) or PNG, through Pillow."""

import io

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from restyle.domain import FrameFormat
from restyle.errors import FrameCorrupt

Pixels = NDArray[np.uint8]
"""RGB, 0 to 255: one frame (H, W, 3) or several (N, H, W, 3)."""


def coder_name(image: FrameFormat) -> str:
    """The coder and its settings, as the plan records them: two coders may differ in bytes."""
    settings = "quality 95 4:4:4" if image == "jpeg" else "level 1"
    return f"pillow {PIL.__version__} {image} {settings}"


def most_bytes(width: int, height: int) -> int:
    """More than any image of this size that we write has: who reads a stored one reads no further."""
    return 8 * width * height + (1 << 16)


def encode_image(frame: Pixels, image: FrameFormat) -> bytes:
    """frame: (H, W, 3) uint8 RGB. JPEG is full-range BT.601 by its standard; PNG is exact."""
    buffer = io.BytesIO()
    picture = Image.fromarray(frame)
    if image == "jpeg":
        picture.save(buffer, "jpeg", quality=95, subsampling=0)
    else:
        picture.save(buffer, "png", compress_level=1)  # level 6 takes six times as long for a tenth less
    return buffer.getvalue()


def decode_image(data: bytes, key: str, width: int, height: int) -> Pixels:
    """Returns (height, width, 3) uint8 RGB. Raises FrameCorrupt, naming `key`, for anything else."""
    try:
        with Image.open(io.BytesIO(data), formats=("jpeg", "png")) as picture:
            if picture.size != (width, height):
                raise FrameCorrupt(f"{key}: {picture.width}x{picture.height} pixels, the plan says {width}x{height}")
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise FrameCorrupt(f"{key}: not a readable image ({error}); its batch has to be painted again") from error
