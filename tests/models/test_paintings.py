"""A painting is read as a person sees it, whatever its file; what cannot be one is refused in a sentence."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from models.paintings import MAX_SIDE, MIN_SIDE, read_painting
from restyle.errors import BadPainting

SIZE = (80, 64)


def file_of(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header says so many pixels and which holds next to none."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def first(data: bytes) -> list[int]:
    """The colour of the first pixel."""
    return [int(value) for value in read_painting(data, "p").pixels[0, 0]]


def test_an_rgb_file_is_its_pixels() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 80, 3), np.uint8)
    read = read_painting(file_of(Image.fromarray(pixels)), "p.png")
    assert (read.pixels == pixels).all()
    assert read.notes == ()
    assert read.sha256 == read_painting(file_of(Image.fromarray(pixels), "bmp"), "p.bmp").sha256


@given(alpha=st.integers(0, 255), level=st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_alpha_is_laid_on_white_and_said(alpha: int, level: int) -> None:
    read = read_painting(file_of(Image.new("RGBA", SIZE, (level, 0, 255, alpha))), "p")
    expected = (level * alpha + 255 * (255 - alpha)) / 255
    assert abs(float(read.pixels[0, 0, 0]) - expected) <= 1
    assert any("white" in note for note in read.notes)


def test_a_transparent_colour_of_a_palette_is_laid_on_white() -> None:
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    assert first(file_of(image)) == [200, 0, 0]
    assert first(file_of(image, transparency=1)) == [255, 255, 255]


@pytest.mark.parametrize(
    ("image", "color"),
    [
        (Image.new("L", SIZE, 90), [90, 90, 90]),
        (Image.new("1", SIZE, 1), [255, 255, 255]),
        (Image.new("LA", SIZE, (90, 255)), [90, 90, 90]),
        (Image.fromarray(np.full((64, 80), 0x5A00, np.uint16)), [90, 90, 90]),
    ],
)
def test_grey_in_any_depth_becomes_rgb(image: Image.Image, color: list[int]) -> None:
    assert first(file_of(image)) == color


@pytest.mark.parametrize("kind", ["jpeg", "tiff"])
def test_cmyk_becomes_rgb_and_is_said(kind: str) -> None:
    data = file_of(Image.new("CMYK", SIZE, (0, 255, 255, 0)), kind)
    red, green, blue = first(data)
    assert red > 200
    assert max(green, blue) < 60
    assert any("CMYK" in note for note in read_painting(data, "p").notes)


def test_a_colour_profile_is_obeyed_and_a_broken_one_ignored() -> None:
    red = Image.new("RGB", SIZE, (255, 0, 0))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red_is_green = srgb.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    assert first(file_of(red, icc_profile=b"no profile at all")) == [255, 0, 0]
    assert first(file_of(red, icc_profile=srgb)) == [255, 0, 0]
    assert first(file_of(red, icc_profile=red_is_green)) == pytest.approx([0, 255, 0], abs=2)


def test_a_picture_is_turned_as_its_camera_says() -> None:
    image = Image.new("RGB", (100, 70))
    exif = image.getexif()
    exif[0x0112] = 6
    assert read_painting(file_of(image, "jpeg", exif=exif), "p").pixels.shape == (100, 70, 3)


def test_the_first_of_several_pictures_is_used_and_said() -> None:
    data = file_of(Image.new("RGB", SIZE, "red"), "gif", save_all=True, append_images=[Image.new("RGB", SIZE, "blue")])
    assert first(data) == [255, 0, 0]
    assert any("first" in note for note in read_painting(data, "p").notes)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not an image"),
        (b"a letter\n" * 100, "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not an image"),
        (file_of(Image.new("RGB", SIZE, "red"))[:100], "damaged"),
        (file_of(Image.effect_noise((200, 200), 50), "jpeg")[:3000], "damaged"),
        (file_of(Image.new("RGB", (10, 300))), "10x300"),
        (file_of(Image.new("RGB", (20_000, 70))), "20000x70"),
        (file_of(Image.new("RGB", (900, 100))), "strip"),
        (png_claiming(60_000, 60_000), "bomb"),
        (png_claiming(9_900, 9_900), "bomb"),
        (file_of(Image.new("F", SIZE), "tiff"), "32-bit"),
    ],
)
def test_what_is_no_painting_is_refused_in_a_sentence_that_names_it(data: bytes, said: str) -> None:
    with pytest.raises(BadPainting, match=said) as refused:
        read_painting(data, "my painting.png")
    assert str(refused.value).startswith("my painting.png: ")
    assert "\n" not in str(refused.value)


@given(data=st.binary(max_size=300), cut=st.integers(8, 400))
@settings(max_examples=60, deadline=None)
def test_damaged_files_raise_nothing_but_bad_painting(data: bytes, cut: int) -> None:
    whole = file_of(Image.effect_noise(SIZE, 60))
    try:
        read = read_painting(whole[:cut] + data + whole[cut + len(data) :], "p")
    except BadPainting:
        return
    assert min(read.pixels.shape[:2]) >= MIN_SIDE
    assert max(read.pixels.shape[:2]) <= MAX_SIDE


def test_a_painting_is_shrunk_to_its_shorter_side_and_never_enlarged() -> None:
    read = read_painting(file_of(Image.new("RGB", (400, 100))), "p")
    assert read.shrunk(50).shape == (3, 50, 200)
    assert read.shrunk(320).shape == (3, 100, 400)
