"""The tone mapping against its standards' numbers and against plain sense."""

import numpy as np
import pytest

from restyle.media.tonemap import TARGET_NITS, ToneMapper, eetf, hlg_to_scene, nits_to_pq, pq_to_nits

WHITE = 65280


def pq(nits: float) -> float:
    return float(nits_to_pq(np.array(nits)))


def shown(mapper: ToneMapper, *signal: float) -> list[int]:
    """8-bit RGB of one pixel with this signal, 0..1."""
    picture = np.rint(np.array(signal) * WHITE).astype(np.uint16).reshape(1, 1, 3)
    return [int(level) for level in mapper.map(picture)[0, 0]]


@pytest.mark.parametrize(
    ("nits", "signal"), [(0.0, 0.0), (0.1, 0.0623), (100, 0.5081), (203, 0.5807), (1000, 0.7518), (10000, 1.0)]
)
def test_pq_is_st_2084(nits: float, signal: float) -> None:
    """ITU-R BT.2408, table 1 and annex; SMPTE ST 2084."""
    assert pq(nits) == pytest.approx(signal, abs=2e-4)
    assert float(pq_to_nits(np.array(signal))) == pytest.approx(nits, rel=4e-3, abs=1e-3)


@pytest.mark.parametrize(("signal", "light"), [(0.0, 0.0), (0.5, 1 / 12), (0.75, 0.2650), (1.0, 1.0)])
def test_hlg_is_bt_2100(signal: float, light: float) -> None:
    assert float(hlg_to_scene(np.array(signal))) == pytest.approx(light, abs=2e-4)


def test_the_eetf_keeps_shadows_never_falls_and_ends_at_the_target() -> None:
    nits = np.linspace(0, 1000, 5001)
    mapped = eetf(nits, 1000.0)
    assert mapped[:100] == pytest.approx(nits[:100], abs=1e-6)  # below the knee
    assert (np.diff(mapped) >= 0).all()
    assert mapped[-1] == pytest.approx(TARGET_NITS, rel=1e-6)
    assert (mapped <= nits + 1e-9).all()


def test_a_source_no_brighter_than_the_target_is_left_alone() -> None:
    nits = np.linspace(0, 203, 50)
    assert eetf(nits, 203.0) == pytest.approx(nits)


@pytest.mark.parametrize("peak", [400, 1000, 4000, 10000])
def test_greys_stay_grey_and_in_order(peak: int) -> None:
    ramp = np.arange(0, WHITE + 1, 32, dtype=np.uint16).reshape(1, -1, 1).repeat(3, axis=-1)
    mapped = ToneMapper("smpte2084", "bt2020", peak, WHITE).map(ramp)[0].astype(int)
    assert (np.ptp(mapped, axis=-1) <= 1).all()
    assert (np.diff(mapped[:, 0]) >= 0).all()
    assert (mapped[0, 0], mapped[-1, 0]) == (0, 255)


def test_reference_white_is_bright_and_leaves_room_above() -> None:
    pq_mapper = ToneMapper("smpte2084", "bt2020", 1000, WHITE)
    hlg_mapper = ToneMapper("arib-std-b67", "bt2020", 1000, WHITE)
    white = shown(pq_mapper, *[pq(203)] * 3)
    assert white == [230, 230, 230]  # 0.90 of the SDR signal
    assert shown(hlg_mapper, 0.75, 0.75, 0.75) == pytest.approx(white, abs=1)  # BT.2408: HLG 75 % is PQ 203 nits
    assert shown(pq_mapper, *[pq(1000)] * 3) == shown(hlg_mapper, 1, 1, 1) == [255, 255, 255]


def test_skin_and_grey_keep_their_display_light_below_the_knee() -> None:
    """18 % grey of a 203-nit white is 36.5 nits, untouched: 255 * (36.5 / 203) ** (1 / 2.4)."""
    mapper = ToneMapper("smpte2084", "bt2020", 1000, WHITE)
    assert shown(mapper, *[pq(36.5)] * 3) == pytest.approx([124.7] * 3, abs=1)


def test_bt709_colours_inside_bt2020_come_back_as_themselves() -> None:
    """Linear BT.709 red at 20 nits, written in BT.2020 (BT.2087, matrix M2), must be pure red again."""
    red_in_2020 = 20 * np.array([0.6274, 0.0691, 0.0164])
    red, green, blue = shown(ToneMapper("smpte2084", "bt2020", 1000, WHITE), *(pq(part) for part in red_in_2020))
    assert red == pytest.approx(255 * (20 / 203) ** (1 / 2.4), abs=2)
    assert max(green, blue) <= 6


@pytest.mark.parametrize("signal", [(0.75, 0, 0), (0, 0.75, 0), (0, 0, 0.75), (0.75, 0.75, 0), (1, 0, 1)])
def test_colours_beyond_bt709_keep_their_strongest_component(signal: tuple[float, ...]) -> None:
    mapped = shown(ToneMapper("smpte2084", "bt2020", 1000, WHITE), *signal)
    assert int(np.argmax(mapped)) in np.flatnonzero(np.array(signal) == max(signal))
    assert min(mapped) == 0 or min(mapped) < max(mapped) / 2


def test_large_frames_are_mapped_in_pieces_alike() -> None:
    mapper = ToneMapper("arib-std-b67", "bt2020", 1000, WHITE)
    row = np.random.default_rng(1).integers(0, WHITE, (1, 700, 3)).astype(np.uint16)
    tall = mapper.map(row.repeat(900, axis=0))
    assert (tall == mapper.map(row)).all()
