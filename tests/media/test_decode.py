"""Frames come out whole, upright, in order and in the right colours, whatever range is asked for."""

import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from restyle.domain import VideoInfo
from restyle.errors import DecodingFailed, StoreUnavailable
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from restyle.media.ranged import RangedVideo
from tests.media.clips import CLIPS, Clip, ClipCache
from tests.media.conftest import Probed
from tests.media.reading import frames_rgb
from tests.media.recipes import X264, video

Frames = NDArray[np.uint8]

# ffmpeg's own tone mapping and its treatment of alpha differ by choice; tonemap and colour tests cover ours.
UNLIKE = ("alpha", "hdr_pq", "hdr_hlg")
SAME_PICTURES = (  # as cfr_25
    "cfr_30", "cfr_29_97", "starts_late", "sound_first", "pcm_mov", "silent", "two_languages", "subtitles_mov_text",
    "subtitles_srt", "chapters",
)  # fmt: skip
COMPARABLE = [clip for clip in CLIPS if clip.name not in UNLIKE + SAME_PICTURES]
# Mean levels apart: ffmpeg turns before it widens chroma, scales by other means, and mends damage in another order.
APART = {"rotated_90": 8, "rotated_180": 8, "rotated_270": 8, "mirrored": 8, "size_change": 6, "damaged_tail": 5}
LEFT_CHROMA = ("h264", "hevc", "mpeg2video", "mpeg4", "vp8", "vp9")


def all_frames(path: Path, info: VideoInfo, max_side: int | None = None) -> Frames:
    with FrameDecoder(path, info, max_side) as decoder:
        return np.stack(list(decoder.frames(0, info.frame_count)))


def ffmpeg_filters(clip: Clip, info: VideoInfo) -> str:
    """The conversion of ffmpeg's that should give what ours gives."""
    stored = info.stored_color or info.color
    chain = "bwdif=mode=send_frame:deint=interlaced," if clip.interlaced else ""
    range_ = "pc" if stored.full_range else "tv"
    chain += f"scale={info.width}:{info.height}:in_range={range_}:out_range=pc"
    if stored.matrix != "gbr":
        chain += f":in_color_matrix={stored.matrix.removesuffix('nc')}"
    if info.codec in LEFT_CHROMA:  # this filter centres chroma unless told
        chain += ":in_chroma_loc=left"
    return chain + ":flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"


@pytest.mark.parametrize("clip", COMPARABLE, ids=lambda clip: clip.name)
def test_frames_are_those_another_decoder_shows(clip: Clip, clips: ClipCache, probed: Probed) -> None:
    info = probed(clip.name)
    ours = all_frames(clips[clip.name], info)
    theirs = frames_rgb(clips[clip.name], info.width, info.height, ffmpeg_filters(clip, info))
    assert ours.shape == theirs.shape
    apart = np.abs(ours.astype(np.int16) - theirs).mean(axis=(1, 2, 3))
    assert apart.max() < APART.get(clip.name, 1.5)
    intact = len(ours) * 4 // 5 if clip.damaged else len(ours)  # what is damaged is mended by guesses, which may swap
    to_next = np.abs(ours[: intact - 1].astype(np.int16) - theirs[1:intact]).mean(axis=(1, 2, 3))
    assert (apart[: intact - 1] < to_next).all()


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_any_range_read_in_pieces_gives_the_frames_of_a_whole_reading(clip: Clip, clips: ClipCache) -> None:
    info, content = probe_video(clips[clip.name], checked=True), clips[clip.name].read_bytes()
    assert len(info.checksums) == info.frame_count
    whole = all_frames(clips[clip.name], info)
    video = RangedVideo(clip.name, len(content), lambda start, size: content[start : start + size])
    chance = random.Random(clip.name)
    with FrameDecoder(video, info) as decoder:
        for _ in range(4):  # forward, overlapping and back, with one decoder
            start = chance.randrange(info.frame_count)
            stop = chance.randint(start + 1, info.frame_count)
            assert np.array_equal(np.stack(list(decoder.frames(start, stop))), whole[start:stop])


@pytest.mark.parametrize("name", ["mpeg2_ts", "open_gop_start", "interlaced_bff", "wmv", "all_intra"])
def test_a_jump_spares_decoding_from_the_start(name: str, clips: ClipCache, caplog: pytest.LogCaptureFixture) -> None:
    info = probe_video(clips[name], checked=True)
    assert len(info.keyframes) > 1
    with FrameDecoder(clips[name], info) as decoder:
        list(decoder.frames(info.frame_count - 1, info.frame_count))
        list(decoder.frames(0, info.frame_count))
    assert not caplog.records


def test_where_a_jump_gives_other_frames_the_range_is_decoded_from_the_start(
    clips: ClipCache, caplog: pytest.LogCaptureFixture
) -> None:
    info = probe_video(clips["cfr_25"], checked=True)
    whole = all_frames(clips["cfr_25"], info)
    nowhere = (*info.pts[:30], info.pts[30] + 1, *info.pts[31:])
    wrong = info.model_copy(update={"keyframes": (0, 30), "pts": nowhere})
    with FrameDecoder(clips["cfr_25"], wrong) as decoder:
        assert np.array_equal(np.stack(list(decoder.frames(31, 35))), whole[31:35])
    assert "decoding from the start" in caplog.text


def test_a_frame_that_is_not_the_one_probed_is_refused(clips: ClipCache) -> None:
    info = probe_video(clips["cfr_25"], checked=True)
    other = info.model_copy(update={"checksums": (*info.checksums[:7], 0, *info.checksums[8:])})
    with FrameDecoder(clips["cfr_25"], other) as decoder, pytest.raises(DecodingFailed, match="frame 7 is not the one"):
        list(decoder.frames(0, 9))


def test_what_keeps_a_store_from_giving_bytes_is_what_is_raised(clips: ClipCache) -> None:
    info = probe_video(clips["cfr_25"])

    def refuse(start: int, size: int) -> bytes:
        raise StoreUnavailable(f"bytes {start}-{start + size} are out of reach")

    with FrameDecoder(RangedVideo("far", 1000, refuse), info) as decoder, pytest.raises(StoreUnavailable):
        list(decoder.frames(0, 1))


def test_batches_in_turn_are_decoded_by_one_process(clips: ClipCache, probed: Probed) -> None:
    info = probed("b_pyramid")
    whole = all_frames(clips["b_pyramid"], info)
    with FrameDecoder(clips["b_pyramid"], info) as decoder:
        first = next(decoder.frames(0, 1))
        process = decoder._child
        parts = [first, *decoder.frames(1, 8), *decoder.frames(8, 20), *decoder.frames(25, 40)]
        assert decoder._child is process
    assert np.array_equal(np.stack(parts), np.concatenate([whole[:20], whole[25:]]))


def test_frames_are_the_callers_own(clips: ClipCache, probed: Probed) -> None:
    with FrameDecoder(clips["cfr_25"], probed("cfr_25")) as decoder:
        first, second = decoder.frames(0, 2)
    first[:] = 0
    assert second.any()


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, 41)])
def test_a_range_outside_the_video_is_an_error_of_the_caller(
    start: int, stop: int, clips: ClipCache, probed: Probed
) -> None:
    with FrameDecoder(clips["cfr_25"], probed("cfr_25")) as decoder, pytest.raises(ValueError, match="which has 40"):
        decoder.frames(start, stop)


def test_an_empty_range_gives_nothing(clips: ClipCache, probed: Probed) -> None:
    with FrameDecoder(clips["cfr_25"], probed("cfr_25")) as decoder:
        assert list(decoder.frames(7, 7)) == []


@pytest.mark.parametrize(
    ("name", "shape"), [("untagged_hd", (360, 640)), ("rotated_90", (64, 36)), ("odd_size", (90, 160))]
)
def test_smaller_frames_keep_their_looks(name: str, shape: tuple[int, int], clips: ClipCache, probed: Probed) -> None:
    info = probed(name)
    large = all_frames(clips[name], info)
    small = all_frames(clips[name], info, max(shape))
    assert small.shape[1:3] == shape
    assert small.mean(axis=(0, 1, 2)) == pytest.approx(large.mean(axis=(0, 1, 2)), abs=2)


def test_turned_clips_are_the_upright_clip_turned(clips: ClipCache, probed: Probed) -> None:
    upright = all_frames(clips["cfr_25"], probed("cfr_25"))
    for name, turned in (
        ("rotated_90", np.rot90(upright, -1, axes=(1, 2))),
        ("rotated_180", np.rot90(upright, 2, axes=(1, 2))),
        ("rotated_270", np.rot90(upright, 1, axes=(1, 2))),
        ("mirrored", upright[:, :, ::-1]),
    ):
        assert np.array_equal(all_frames(clips[name], probed(name)), turned), name


def test_deinterlaced_frames_have_no_combs(clips: ClipCache, probed: Probed) -> None:
    """Combs make neighbouring rows differ more than rows two apart; a deinterlaced picture has none."""
    for name in ("interlaced_tff", "interlaced_bff"):
        info = probed(name)
        combed = all_frames(clips[name], info.model_copy(update={"interlaced": False})).astype(np.int16)
        clean = all_frames(clips[name], info).astype(np.int16)

        def combs(frames: NDArray[np.int16]) -> float:
            middle = frames[:, 1:-1:2].astype(np.int32)
            return float(np.maximum((middle - frames[:, :-2:2]) * (middle - frames[:, 2::2]), 0).mean())

        assert combs(clean) < combs(combed) / 2


def test_a_file_that_changed_since_the_probe_is_noticed(clips: ClipCache, probed: Probed, tmp_path: Path) -> None:
    shorter, other = tmp_path / "shorter.mp4", tmp_path / "other.mp4"
    video(*X264, frames=20)(shorter)
    video(*X264, "-video_track_timescale", "12800", rate="24")(other)
    info = probed("silent")
    with FrameDecoder(shorter, info) as decoder, pytest.raises(DecodingFailed, match="ends after 20 frames, of 40"):
        list(decoder.frames(0, 40))
    with FrameDecoder(other, info) as decoder, pytest.raises(DecodingFailed, match="frame 1 has time stamp"):
        list(decoder.frames(0, 40))


def test_a_damaged_clip_decodes_the_same_every_time(clips: ClipCache) -> None:
    infos = [probe_video(clips["damaged_tail"]) for _ in range(3)]
    assert infos[0] == infos[1] == infos[2]
    first, second = (all_frames(clips["damaged_tail"], infos[0]) for _ in range(2))
    assert np.array_equal(first, second)
