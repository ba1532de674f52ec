"""What coded numbers mean as colours: ffmpeg's codes and names, and the guesses where a file is silent."""

from typing import NamedTuple

from restyle.domain import ColorTags

UNKNOWN = "unknown"
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")

# AVColorSpace, AVColorPrimaries and AVColorTransferCharacteristic (libavutil/pixfmt.h, ITU-T H.273) by number.
_MATRICES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 11: "smpte2085", 12: "chroma-derived-nc", 13: "chroma-derived-c", 14: "ictcp", 15: "ipt-c2",
    16: "ycgco-re", 17: "ycgco-ro",
}  # fmt: skip
_PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428",
    11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
_TRANSFERS = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316",
    11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip

# The matrices swscale can undo, by its own numbers (libswscale/swscale.h, SWS_CS_*).
SWSCALE_MATRICES = {
    "bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 5, "smpte240m": 7, "bt2020nc": 9,
}  # fmt: skip


class ColorCodes(NamedTuple):
    """A decoded frame's colour fields as ffmpeg numbers them, and what its sample format says."""

    matrix: int
    primaries: int
    transfer: int
    color_range: int  # 0 unspecified, 1 limited, 2 full
    is_rgb: bool
    is_jpeg_range: bool  # the yuvj* formats are full range by definition


def stored_tags(codes: ColorCodes, width: int, height: int) -> ColorTags:
    """How the coded samples are to be read, every field known.

    width, height: of the coded picture, before any turn. Where the file is silent the guess is mpv's: matrix BT.709
    from 1280 columns or above 576 rows, else BT.601; primaries those of the matrix, else by the line standard.
    """
    if codes.is_rgb:
        matrix = "gbr"
    else:
        matrix = _MATRICES.get(codes.matrix, UNKNOWN)
        if matrix in (UNKNOWN, "gbr"):
            matrix = guess_matrix(width, height)
    primaries = _PRIMARIES.get(codes.primaries) or _guess_primaries(codes, width, height)
    transfer = _TRANSFERS.get(codes.transfer) or ("iec61966-2-1" if codes.is_rgb else "bt709")
    full = codes.is_rgb or codes.is_jpeg_range or codes.color_range == 2
    return ColorTags(matrix=matrix, primaries=primaries, transfer=transfer, full_range=full)


def given_tags(stored: ColorTags, width: int, height: int) -> ColorTags:
    """The colours of the frames as given out: RGB has no matrix, so it names the one to encode with.

    HDR leaves as BT.709 (see tonemap); everything else keeps its primaries and transfer.
    """
    if stored.transfer in HDR_TRANSFERS:
        return ColorTags(matrix="bt709", primaries="bt709", transfer="bt709", full_range=False)
    if stored.matrix == "gbr":
        matrix = "bt2020nc" if stored.primaries == "bt2020" else guess_matrix(width, height)
        return stored.model_copy(update={"matrix": matrix, "full_range": False})
    return stored


def guess_matrix(width: int, height: int) -> str:
    """The matrix of untagged YUV of this size (pixels), by the convention of players."""
    return "bt709" if width >= 1280 or height > 576 else "smpte170m"


def _guess_primaries(codes: ColorCodes, width: int, height: int) -> str:
    by_matrix = {"bt709": "bt709", "bt2020nc": "bt2020", "bt2020c": "bt2020"}  # the BT.601 matrix is used with several
    if not codes.is_rgb and (tagged := by_matrix.get(_MATRICES.get(codes.matrix, UNKNOWN))):
        return tagged
    if codes.is_rgb or width >= 1280 or height > 576:
        return "bt709"
    return {576: "bt470bg", 480: "smpte170m", 486: "smpte170m"}.get(height, "bt709")
