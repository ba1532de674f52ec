"""Reads a painting, or any picture to learn from, out of an image file: safely, upright, in sRGB."""

import hashlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor

from restyle.errors import BadPainting

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif"})
# Pillow reads more, EPS among them, which it hands to a program (Ghostscript).
FORMATS = ("jpeg", "png", "webp", "tiff", "bmp", "gif", "avif")
MAX_BYTES = 256 * 1024 * 1024
# Below, no brush stroke is left to learn; above, Pillow's own bound of 89 million pixels is near.
MIN_SIDE = 64
MAX_SIDE = 10_000
# A strip's texture would be learned from a few pixels of its height.
MAX_ASPECT = 8
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True)
class Painting:
    """A picture as it is seen: turned upright, without alpha, in sRGB."""

    source: str
    pixels: NDArray[np.uint8]
    """(H, W, 3)"""
    notes: tuple[str, ...] = ()
    """what was done to the file's pixels that a person may want to know"""

    @property
    def sha256(self) -> str:
        """Of the pixels: the same painting in another lossless file is the same painting."""
        return hashlib.sha256(repr(self.pixels.shape).encode() + self.pixels.tobytes()).hexdigest()

    def shrunk(self, short_side: int) -> Tensor:
        """(3, H, W) uint8 whose shorter side has at most ``short_side`` pixels; never enlarged."""
        height, width = self.pixels.shape[:2]
        scale = min(1.0, short_side / min(height, width))
        size = (round(width * scale), round(height * scale))
        resized = Image.fromarray(self.pixels).resize(size, Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()


def read_painting(data: bytes, source: str) -> Painting:
    """The first picture of an image file's bytes. Raises BadPainting, naming ``source``.

    Transparent parts are laid on white; grey, palette and CMYK pictures become RGB, by the file's own colour profile
    where it has one. Size is checked before a pixel is decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is not used
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                check_size(image.size, source)
                image.load()
                notes = (*_notes(image),)
                picture = to_srgb(on_white(eight_bit(ImageOps.exif_transpose(image), source)))
    except BadPainting:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPainting(f"{source}: a decompression bomb ({error}); pass a picture of fewer pixels") from error
    except UnidentifiedImageError as error:
        raise BadPainting(f"{source}: not an image restyle reads; pass one of {', '.join(FORMATS)}") from error
    except Exception as error:  # decoders raise anything at all on damaged files
        raise BadPainting(f"{source}: a damaged image ({error}); save it again") from error
    return Painting(source, np.asarray(picture), notes)


def check_size(size: tuple[int, int], source: str) -> None:
    """Raises BadPainting for a picture (width, height) too small, too large or too narrow to learn from."""
    width, height = size
    if min(size) < MIN_SIDE:
        raise BadPainting(f"{source}: {width}x{height} pixels; pass a picture of at least {MIN_SIDE} on each side")
    if max(size) > MAX_SIDE:
        raise BadPainting(f"{source}: {width}x{height} pixels; scale it down to at most {MAX_SIDE} on each side")
    if max(size) > MAX_ASPECT * min(size):
        raise BadPainting(f"{source}: {width}x{height} pixels is a strip; cut out a part of it")


def _notes(image: Image.Image) -> list[str]:
    notes = []
    if image.has_transparency_data:
        notes.append("its transparent parts are laid on white")
    if image.mode == "CMYK":
        notes.append("it is CMYK and was converted to sRGB")
    if getattr(image, "n_frames", 1) > 1:
        notes.append("only its first picture is used")
    return notes


def eight_bit(image: Image.Image, source: str) -> Image.Image:
    """The picture with 8 bits a channel; Pillow itself would clip 16-bit grey at 255."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise BadPainting(f"{source}: has 32-bit samples; save it with 8 bits a channel")
    return image


def on_white(image: Image.Image) -> Image.Image:
    """The picture without alpha or palette; other modes as they are. The colour profile stays with it."""
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    elif image.mode in ("1", "P", "PA"):
        flat = image.convert("RGB")
    else:
        return image
    flat.info["icc_profile"] = image.info.get("icc_profile") if image.mode in ("P", "RGBA") else None
    return flat


def to_srgb(image: Image.Image) -> Image.Image:
    """RGB in sRGB, by the picture's colour profile; plainly converted where it has none or one that does not fit."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "L", "CMYK"):
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, own, SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
        assert converted is not None  # only when converting in place
        return converted
    return image.convert("RGB")
