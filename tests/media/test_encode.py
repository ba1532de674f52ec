"""Encoded segments: the right colours, shape and count, and nothing left of a failure. About 15 s."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from restyle.domain import Codec, ColorTags, VideoInfo
from restyle.errors import DiskFull, EncodingFailed, UnsupportedOutput
from restyle.media.decode import FrameDecoder
from restyle.media.encode import coded_size, encode_segment, segment_rate
from restyle.media.options import CODERS, OutputOptions, encoding_id
from restyle.media.probe import probe_video

CODECS: tuple[Codec, ...] = ("h264", "hevc", "av1")
BT709 = ColorTags(matrix="bt709", primaries="bt709", transfer="bt709")


def info_of(
    count: int,
    size: tuple[int, int] = (160, 90),
    color: ColorTags = BT709,
    sample_aspect: Fraction = Fraction(1),
    pts: tuple[int, ...] | None = None,
) -> VideoInfo:
    return VideoInfo(
        width=size[0], height=size[1], sample_aspect=sample_aspect, rotation_deg=0, codec="h264", container="mov",
        color=color, time_base=Fraction(1, 25), pts=pts or tuple(range(count)), last_duration=1,
    )  # fmt: skip


def shades(count: int, size: tuple[int, int] = (160, 90)) -> Iterator[NDArray[np.uint8]]:
    """Frames that tell their place: a soft slope whose brightness grows from frame to frame."""
    slope = np.linspace(0, 40, size[0])[None, :, None] + np.linspace(0, 20, size[1])[:, None, None]
    for place in range(count):
        yield np.broadcast_to(slope + 30 + 150 * place / count, (size[1], size[0], 3)).astype(np.uint8)


def read(path: Path) -> list[NDArray[np.uint8]]:
    info = probe_video(path)
    with FrameDecoder(path, info) as decoder:
        return list(decoder.frames(0, info.frame_count))


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_is_coded_in_order_with_its_tags(codec: Codec, tmp_path: Path) -> None:
    target = tmp_path / "segment"
    info = info_of(30, sample_aspect=Fraction(64, 45))
    assert encode_segment(shades(30), (160, 90), info, OutputOptions(codec=codec, crf=8), target) == 30
    found = probe_video(target)
    assert (found.frame_count, found.width, found.height, found.codec) == (30, 160, 90, codec)
    assert (found.color, found.sample_aspect) == (BT709, Fraction(64, 45))
    for made, coded in zip(shades(30), read(target), strict=True):
        assert np.abs(made.astype(int) - coded).mean() < 1.5
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert next(packet for packet in container.demux(stream) if packet.size).is_keyframe


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "primaries", "transfer"),
    [
        ("bt709", "bt709", "bt709"),
        ("smpte170m", "smpte170m", "smpte170m"),
        ("bt470bg", "bt470bg", "bt709"),
        ("bt2020nc", "bt2020", "bt2020-10"),
        ("smpte240m", "smpte240m", "smpte240m"),
        ("bt709", "smpte432", "iec61966-2-1"),
    ],
)
def test_colours_are_what_the_tags_say(
    matrix: str, primaries: str, transfer: str, full_range: bool, tmp_path: Path
) -> None:
    """Patches of every corner of the RGB cube and a grey slope come back within two levels; the output is limited."""
    corners = np.array([[r, g, b] for r in (16, 235) for g in (16, 235) for b in (16, 235)], np.uint8)
    greys = np.repeat(np.linspace(0, 255, 8).astype(np.uint8)[:, None], 3, axis=1)
    picture = np.repeat(np.repeat(np.stack([corners, greys]), 16, axis=0), 16, axis=1)
    tags = ColorTags(matrix=matrix, primaries=primaries, transfer=transfer, full_range=full_range)
    target = tmp_path / "segment"
    options = OutputOptions(crf=0)
    encode_segment([picture], (128, 32), info_of(1, (128, 32), tags), options, target)
    assert probe_video(target).color == tags.model_copy(update={"full_range": False})
    error = np.abs(read(target)[0].astype(int) - picture)
    centres = error[8::16, 8::16]
    assert centres.max() <= 2, centres.reshape(-1, 3)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(161, 90), (160, 91), (161, 91)])
def test_odd_sizes_repeat_their_last_column_or_row(size: tuple[int, int], codec: Codec, tmp_path: Path) -> None:
    target = tmp_path / "segment"
    encode_segment(shades(3, size), size, info_of(3, size), OutputOptions(codec=codec, crf=4), target)
    for made, coded in zip(shades(3, size), read(target), strict=True):
        assert coded.shape[1::-1] == coded_size(size)
        expected = np.pad(made, ((0, size[1] % 2), (0, size[0] % 2), (0, 0)), mode="edge")
        assert np.abs(expected.astype(int) - coded).max() <= 6


def test_a_frame_of_another_size_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    target = tmp_path / "segment"
    frames = [*shades(2), np.zeros((91, 160, 3), np.uint8)]
    with pytest.raises(EncodingFailed, match=r"a frame is uint8 \(91, 160, 3\), not uint8 \(90, 160, 3\)"):
        encode_segment(frames, (160, 90), info_of(3), OutputOptions(), target)
    assert not list(tmp_path.iterdir())


def test_a_failing_source_of_frames_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[NDArray[np.uint8]]:
        yield from shades(5)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        encode_segment(broken(), (160, 90), info_of(9), OutputOptions(), tmp_path / "segment")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    target = tmp_path / "segment"
    target.symlink_to("/dev/full")
    noise = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    with pytest.raises(DiskFull, match=f"the disk with {tmp_path} is full"):
        encode_segment([noise] * 100, (160, 90), info_of(100), OutputOptions(crf=0), target)


def test_sizes_a_codec_cannot_take_are_told_by_the_codec(tmp_path: Path) -> None:
    with pytest.raises(EncodingFailed, match=r"as hevc 8x8: .*too small"):
        encode_segment(shades(1, (8, 8)), (8, 8), info_of(1, (8, 8)), OutputOptions(codec="hevc"), tmp_path / "segment")


def test_rates_no_encoder_takes_are_kept_in_bounds() -> None:
    assert segment_rate(info_of(50)) == 25
    assert segment_rate(info_of(2, pts=(0, 100_000))) == 1
    assert segment_rate(info_of(1).model_copy(update={"last_duration": 0})) == 25
    assert segment_rate(info_of(1000).model_copy(update={"time_base": Fraction(1, 100_000)})) == 120


def test_options_that_do_not_fit_together_are_refused() -> None:
    for wrong in ({"suffix": ".xyz"}, {"suffix": ""}, {"codec": "av1", "suffix": ".mov"}, {"codec": "h264", "crf": 52}):
        with pytest.raises(UnsupportedOutput):
            OutputOptions.model_validate(wrong)
    with pytest.raises(UnsupportedOutput, match="1 to 63"):
        OutputOptions(codec="av1", crf=0)
    assert OutputOptions(suffix=".MP4").container.muxer == "mp4"


def test_encodings_differ_by_all_that_decides_their_bytes() -> None:
    chosen = [
        OutputOptions(),
        OutputOptions(crf=8),
        OutputOptions(codec="hevc"),
        OutputOptions(suffix=".mkv"),
    ]
    assert len({encoding_id(options) for options in chosen}) == len(chosen)
    assert encoding_id(OutputOptions(crf=CODERS["h264"].default_crf)) == encoding_id(OutputOptions())
