"""Colours come out as they were put in: every matrix, range and depth, by arithmetic of our own."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from restyle.media.color import ColorCodes, given_tags, stored_tags
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from tests.media.recipes import ffmpeg, tag

PATCHES = np.array(
    [
        (255, 255, 255), (0, 0, 0), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0),
        (0, 255, 255), (255, 0, 255), (200, 30, 60), (40, 180, 90), (20, 60, 140),
    ],
    np.float64,
)  # fmt: skip
COLUMNS, SIDE = 4, 16
KR_KB = {
    "bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt470bg": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593),
    "smpte240m": (0.212, 0.087), "fcc": (0.30, 0.11),
}  # fmt: skip


def patches() -> NDArray[np.float64]:
    """(H, W, 3) in 0..255: 12 squares."""
    grid = PATCHES.reshape(-1, COLUMNS, 3)
    return grid.repeat(SIDE, axis=0).repeat(SIDE, axis=1)


def centres(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The colours in the middle of the squares, where chroma of neighbours does not reach: (12, 3)."""
    return picture[SIDE // 2 :: SIDE, SIDE // 2 :: SIDE].reshape(-1, 3).astype(np.float64)


def coded_planes(matrix: str, full: bool, bits: int, subsampled: bool) -> list[NDArray[np.float64]]:
    """The patches as Y'CbCr samples by the definition of BT.601, 709 and 2020: E'Y = Kr R + Kg G + Kb B, and so on."""
    red, green, blue = np.moveaxis(patches() / 255, -1, 0)
    kr, kb = KR_KB[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = [(blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))]
    most, middle, scale = (1 << bits) - 1, 1 << (bits - 1), 1 << (bits - 8)
    coded = [luma * most if full else (16 + 219 * luma) * scale]
    coded += [part * most + middle if full else (128 + 224 * part) * scale for part in chroma]
    if subsampled:
        coded[1:] = [part[::2, ::2] for part in coded[1:]]
    return [np.clip(np.rint(part), 0, most) for part in coded]


def exact_rgb(planes: list[NDArray[np.float64]], matrix: str, full: bool, bits: int) -> NDArray[np.float64]:
    """What these samples mean in the middle of each patch, 0..255, unrounded: (12, 3)."""
    most, middle, scale = (1 << bits) - 1, 1 << (bits - 1), 1 << (bits - 8)
    steps = [SIDE * part.shape[0] // planes[0].shape[0] for part in planes]
    luma, *chroma = (
        part[step // 2 :: step, step // 2 :: step].ravel() for part, step in zip(planes, steps, strict=True)
    )
    luma = luma / most if full else (luma / scale - 16) / 219
    blue_diff, red_diff = ((part - middle) / (most if full else 224 * scale) for part in chroma)
    kr, kb = KR_KB[matrix]
    red, blue = luma + 2 * (1 - kr) * red_diff, luma + 2 * (1 - kb) * blue_diff
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return 255 * np.clip(np.stack([red, green, blue], axis=-1), 0, 1)


def write_raw(target: Path, raw: bytes, pix_fmt: str, *coder: str, filters: str) -> None:
    """One raw picture of the patches' size, coded without loss."""
    height, width = patches().shape[:2]
    size = f"{width}x{height}"
    ffmpeg("-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", size, "-i", "-", "-vf", filters, *coder, target, stdin=raw)


def decoded(path: Path) -> NDArray[np.uint8]:
    with FrameDecoder(path, probe_video(path)) as decoder:
        return next(decoder.frames(0, 1))


LAYOUTS = [("bt709", "yuv420p"), ("bt709", "yuv444p"), ("bt709", "yuv420p10le"), ("bt2020nc", "yuv420p10le")]
LAYOUTS += [(matrix, "yuv420p") for matrix in ("smpte170m", "bt470bg", "smpte240m", "fcc")]


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(("matrix", "layout"), LAYOUTS)
def test_patches_come_back(matrix: str, full: bool, layout: str, tmp_path: Path) -> None:
    bits = 10 if "10" in layout else 8
    planes = coded_planes(matrix, full, bits, "420" in layout)
    clip = tmp_path / "patches.mkv"
    raw = b"".join(part.astype(np.uint8 if bits == 8 else np.dtype("<u2")).tobytes() for part in planes)
    write_raw(clip, raw, layout, "-c:v", "libx264", "-qp", "0", filters=tag(matrix, range_="pc" if full else "tv"))
    found = centres(decoded(clip))
    assert np.abs(found - exact_rgb(planes, matrix, full, bits)).max() <= 0.75  # half a level of rounding, and some
    assert np.abs(found - PATCHES).max() <= 3  # with what 8-bit chroma lost before


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_grey_video_keeps_its_range(full: bool, pix_fmt: str, tmp_path: Path) -> None:
    bits = 10 if "10" in pix_fmt else 8
    levels = np.linspace(0, 1, patches().shape[1])[None, :].repeat(patches().shape[0], axis=0)
    coded = levels * ((1 << bits) - 1) if full else (16 + 219 * levels) * (1 << (bits - 8))
    raw = np.rint(coded).astype(np.uint8 if bits == 8 else np.dtype("<u2")).tobytes()
    clip = tmp_path / "grey.mkv"
    write_raw(clip, raw, pix_fmt, "-c:v", "ffv1", filters=tag(range_="pc" if full else "tv"))
    picture = decoded(clip)
    assert np.abs(picture - 255 * levels[..., None]).max() <= 1.2


@pytest.mark.parametrize(
    ("pix_fmt", "coder"), [("rgb24", "ffv1"), ("gbrp", "libx264rgb"), ("rgb24", "png"), ("gbrp16le", "ffv1")]
)
def test_rgb_comes_back_exactly(pix_fmt: str, coder: str, tmp_path: Path) -> None:
    picture = patches().astype(np.uint8)
    raw = picture.tobytes()
    if pix_fmt.startswith("gbrp"):
        planar = np.ascontiguousarray(np.moveaxis(picture[..., [1, 2, 0]], -1, 0))
        raw = (planar.astype(np.dtype("<u2")) * 257 if "16" in pix_fmt else planar).tobytes()
    clip = tmp_path / "rgb.mkv"
    write_raw(clip, raw, pix_fmt, "-c:v", coder, "-qp", "0", filters="null")
    assert np.array_equal(decoded(clip), picture)


def test_alpha_is_shown_on_black(tmp_path: Path) -> None:
    picture = patches().astype(np.uint8)
    alpha = np.tile(np.linspace(0, 255, picture.shape[1]).astype(np.uint8), (picture.shape[0], 1))
    clip = tmp_path / "alpha.mov"
    write_raw(clip, np.dstack([picture, alpha]).tobytes(), "rgba", "-c:v", "qtrle", filters="null")
    expected = picture * (alpha / 255.0)[..., None]
    assert np.abs(decoded(clip) - expected).max() <= 0.51


def chroma_ramp() -> bytes:
    """64x64 4:2:0: grey luma, chroma rising by 4 a sample to the right (Cb) and down (Cr)."""
    rise = (40 + 4 * np.arange(32)).astype(np.uint8)
    return np.full((64, 64), 128, np.uint8).tobytes() + np.tile(rise, (32, 1)).tobytes() + rise.repeat(32).tobytes()


@pytest.mark.parametrize(
    ("coder", "suffix"), [(("libx264", "-qp", "0"), ".mp4"), (("libvpx-vp9", "-lossless", "1"), ".webm")]
)
def test_chroma_sits_on_the_left_column_of_each_pair(coder: tuple[str, ...], suffix: str, tmp_path: Path) -> None:
    """H.264 says so, VP9 says nothing and means it: Cb at luma column x is 40 + 2x."""
    clip = tmp_path / f"ramp{suffix}"
    size = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "64x64", "-i", "-")
    ffmpeg(*size, "-vf", tag("bt709", "bt709", "bt709"), "-c:v", *coder, clip, stdin=chroma_ramp())
    picture = decoded(clip).astype(np.float64)
    blue_less_green = picture[32, 20:40, 2] - picture[32, 20:40, 1]  # rises with Cb by (1.8556 + 0.1873) * 255 / 224
    slope = (1.8556 + 0.1873) * 255 / 224 * 2
    cr = 40 + 2 * (32 - 0.5)
    at_zero = (1.8556 + 0.1873) * 255 / 224 * (40 - 128) + 0.4681 * 255 / 224 * (cr - 128)
    columns = (blue_less_green - at_zero) / slope
    assert (np.arange(20, 40) - columns).mean() == pytest.approx(0, abs=0.2)


def codes(
    matrix: int = 2, primaries: int = 2, transfer: int = 2, color_range: int = 0, rgb: bool = False
) -> ColorCodes:
    return ColorCodes(matrix, primaries, transfer, color_range, rgb, False)


def test_untagged_video_gets_the_matrix_players_guess() -> None:
    assert stored_tags(codes(), 720, 576).matrix == "smpte170m"
    assert stored_tags(codes(), 720, 576).primaries == "bt470bg"
    assert stored_tags(codes(), 720, 480).primaries == "smpte170m"
    assert stored_tags(codes(), 1280, 536).matrix == "bt709"
    assert stored_tags(codes(), 1024, 720).matrix == "bt709"
    assert not stored_tags(codes(), 1920, 1080).full_range


def test_tags_are_kept_where_there_are_some() -> None:
    tags = stored_tags(codes(9, 9, 14, 2), 320, 180)
    assert (tags.matrix, tags.primaries, tags.transfer, tags.full_range) == ("bt2020nc", "bt2020", "bt2020-10", True)
    assert given_tags(tags, 320, 180) == tags


def test_rgb_and_hdr_are_given_out_with_a_matrix_to_encode_with() -> None:
    rgb = stored_tags(codes(0, rgb=True), 1920, 1080)
    assert (rgb.matrix, rgb.full_range) == ("gbr", True)
    assert (given_tags(rgb, 1920, 1080).matrix, given_tags(rgb, 1920, 1080).full_range) == ("bt709", False)
    hdr = stored_tags(codes(9, 9, 16, 1), 1920, 1080)
    assert given_tags(hdr, 1920, 1080).transfer == "bt709"
