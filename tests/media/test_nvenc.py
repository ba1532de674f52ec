"""Encoding on an NVIDIA GPU: what is said where there is none, and what one makes of frames (`pytest -m gpu`)."""

import ctypes
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from restyle.domain import Codec
from restyle.errors import UnsupportedOutput
from restyle.media.encode import encode_segment
from restyle.media.mux import rehearse_encoder
from restyle.media.options import OutputOptions
from restyle.media.segments import frame_times, join_segments
from tests.media.test_encode import info_of, read, shades

DRIVER = "libcuda.so.1"
CODECS: tuple[Codec, ...] = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")


def has_driver() -> bool:
    """Whether NVIDIA's driver is there."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return False
    return True


@pytest.mark.skipif(has_driver(), reason="NVIDIA's driver is here: what is said without was not tested")
@pytest.mark.parametrize("codec", CODECS)
def test_without_a_gpu_its_encoder_takes_our_options_and_says_what_is_missing(codec: Codec) -> None:
    with pytest.raises(UnsupportedOutput) as said:
        rehearse_encoder(info_of(9), OutputOptions(codec=codec, crf=30), (160, 90))
    assert f"--codec {codec}: no GPU of the worker encodes it; use --codec {codec[:-6]} (" in str(said.value)
    assert str(said.value).endswith(f"Cannot load {DRIVER})")


@pytest.mark.gpu
@pytest.mark.skipif(not has_driver(), reason="no NVIDIA driver here: what NVENC encodes was not tested")
@pytest.mark.parametrize("codec", CODECS)
def test_a_gpu_encodes_every_frame_in_order_and_its_segments_can_be_joined(codec: Codec, tmp_path: Path) -> None:
    size, options = (320, 180), OutputOptions(codec=codec, crf=10)
    info, frames = info_of(40, size), list(shades(40, size))
    segments = [tmp_path / name for name in ("a", "b")]
    for part, segment in zip((frames[:25], frames[25:]), segments, strict=True):
        encode_segment(part, size, info, options, segment)
    join_segments(segments, frame_times(info, Fraction(0)), tmp_path / "joined.mp4")
    coded = read(tmp_path / "joined.mp4")
    assert len(coded) == 40
    assert max(np.abs(made.astype(int) - there).mean() for made, there in zip(frames, coded, strict=True)) < 2
