"""HDR to SDR: PQ and HLG pictures in wide primaries become BT.709 as a 203-nit display would show them.

The operator is the EETF of ITU-R BT.2390-11 (5.4.1) on the largest of R, G and B, which keeps hues; its target is
203 nits, the reference white of ITU-R BT.2408.
"""

import numpy as np
from numpy.typing import NDArray

OPERATOR = "bt2390"
TARGET_NITS = 203.0
DEFAULT_PEAK_NITS = 1000  # the nominal peak of HLG, and of most PQ masters

_STEPS = 65536  # entries of the look-up tables
_CHUNK_PIXELS = 1 << 18  # pixels worked on at a time: bounds memory to some 30 MB, whatever the frame

# x, y of red, green, blue; all of them have the white point D65 (ITU-R BT.709, BT.2020; SMPTE EG 432-1)
_CHROMATICITIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)
_BT709_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)

Floats = NDArray[np.float32]


def pq_to_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084 EOTF. signal: 0..1, any shape. Returns nits, 0..10000."""
    power = np.power(signal, 1 / 78.84375)
    return 10000.0 * np.power(np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power), 1 / 0.1593017578125)


def nits_to_pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of pq_to_nits."""
    power = np.power(np.maximum(nits, 0) / 10000.0, 0.1593017578125)
    return np.power((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power), 78.84375)


def hlg_to_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARIB STD-B67 inverse OETF (ITU-R BT.2100, table 5). signal: 0..1. Returns scene light, 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, np.square(signal) / 3, (np.exp((signal - c) / a) + b) / 12)


def eetf(nits: NDArray[np.float64], peak_nits: float) -> NDArray[np.float64]:
    """BT.2390-11, 5.4.1: brightness of a source with this peak on a display of TARGET_NITS, black at zero.

    nits: any shape. Identity below the knee, then a Hermite spline, never falling, reaching TARGET_NITS at the peak.
    """
    if peak_nits <= TARGET_NITS:
        return np.minimum(nits, TARGET_NITS)
    source_peak = float(nits_to_pq(np.array(peak_nits)))
    level = np.minimum(nits_to_pq(nits) / source_peak, 1)
    top = float(nits_to_pq(np.array(TARGET_NITS))) / source_peak
    knee = 1.5 * top - 0.5
    t = (level - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    return pq_to_nits(np.where(level < knee, level, spline) * source_peak)


class ToneMapper:
    """Maps the frames of one HDR video to SDR.

    transfer: smpte2084 or arib-std-b67; primaries: ffmpeg's name; peak_nits: brightest the source gets;
    white: the 16-bit code of signal 1 in the pictures to come.
    """

    def __init__(self, transfer: str, primaries: str, peak_nits: int, white: int) -> None:
        self._hlg = transfer == "arib-std-b67"
        peak = float(peak_nits)
        signal = np.minimum(np.arange(_STEPS) / white, 1)
        light = hlg_to_scene(signal) if self._hlg else pq_to_nits(signal) / peak
        self._to_light = light.astype(np.float32)  # over the peak; HLG: scene light
        self._to_bt709 = _rgb_to_bt709(primaries).astype(np.float32)
        # The next two are looked up by the square root of light, which spends their steps where eyes see them.
        root = np.linspace(0, 1, _STEPS)
        nits = np.square(np.maximum(root, root[1])) * peak
        self._gain = (eetf(nits, peak) / nits * (peak / TARGET_NITS)).astype(np.float32)
        # The inverse of BT.1886 (exponent 2.4): what an SDR display shows as this light.
        self._to_signal = np.rint(255 * np.power(root, 2 / 2.4)).astype(np.uint8)

    def map(self, picture: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """picture: (H, W, 3) coded RGB. Returns (H, W, 3) SDR BT.709."""
        coded = picture.reshape(-1, 3)
        out = np.empty(coded.shape, np.uint8)
        for start in range(0, len(coded), _CHUNK_PIXELS):
            chunk = slice(start, start + _CHUNK_PIXELS)
            light = self._displayed(self._to_light[np.ascontiguousarray(coded[chunk].T)])
            out[chunk] = self._to_signal[_steps(_into_gamut(self._to_bt709 @ light))].T
        return out.reshape(picture.shape)

    def _displayed(self, light: Floats) -> Floats:
        """Tone-mapped light over TARGET_NITS, in the source's primaries. light: (3, N) over the peak."""
        if self._hlg:  # the system gamma of a 1000-nit display (BT.2100, table 5)
            light = light * np.power(_BT2020_LUMA @ light, np.float32(0.2))
        light = np.minimum(light, 1)
        shown: Floats = light * self._gain[_steps(light.max(axis=0))]
        return shown


def _steps(light: Floats) -> NDArray[np.uint16]:
    """Index into a look-up table of light in 0..1, rounding errors beyond it forgiven."""
    root = np.sqrt(np.clip(light, 0, 1))
    return np.rint(root * np.float32(_STEPS - 1)).astype(np.uint16)


def _into_gamut(light: Floats) -> Floats:
    """Colours BT.709 lacks: negative light goes by moving towards the colour's own grey, too much by dimming it.

    light: (3, N).
    """
    grey = _BT709_LUMA @ light
    low = np.minimum(light.min(axis=0), 0)
    keep = grey / np.maximum(grey - low, np.float32(1e-9))  # 1 where nothing is negative
    inside = grey + (light - grey) * keep
    dimmed: Floats = inside / np.maximum(inside.max(axis=0), 1)
    return dimmed


def _rgb_to_bt709(primaries: str) -> NDArray[np.float64]:
    """The 3x3 matrix from linear RGB of these primaries to linear BT.709; unknown ones count as BT.2020."""
    source = _CHROMATICITIES.get(primaries, _CHROMATICITIES["bt2020"])
    return np.linalg.inv(_rgb_to_xyz(_CHROMATICITIES["bt709"])) @ _rgb_to_xyz(source)


def _rgb_to_xyz(chromaticities: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in chromaticities]).T
    x, y = _D65
    return columns * np.linalg.solve(columns, np.array([x / y, 1, (1 - x - y) / y]))
