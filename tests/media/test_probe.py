"""What the probe finds in every clip, against what is known by construction and against ffmpeg's own reading."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from restyle.domain import VideoInfo
from restyle.media.probe import probe_video
from tests.media import recipes
from tests.media.clips import CLIPS, Clip, ClipCache
from tests.media.conftest import Probed
from tests.media.reading import frame_times

ALL = pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)


@ALL
def test_probe_finds_what_the_clip_was_built_with(clip: Clip, probed: Probed) -> None:
    info = probed(clip.name)
    if clip.damaged:
        assert clip.frames // 2 < info.frame_count < clip.frames
        assert info.damaged > 0
    else:
        assert (info.frame_count, info.damaged) == (clip.frames, 0)
    assert (info.width, info.height, info.sample_aspect) == (clip.width, clip.height, clip.sample_aspect)
    assert (info.rotation_deg, info.mirrored, info.interlaced) == (clip.rotation_deg, clip.mirrored, clip.interlaced)
    assert info.tone_map == ("bt2390" if clip.tone_mapped else None)
    color = info.color
    assert (color.matrix, color.primaries, color.transfer) == (clip.matrix, clip.primaries, clip.transfer)
    assert color.full_range == clip.full_range
    assert tuple(track.codec for track in info.tracks if track.kind == "audio") == clip.audio
    assert tuple(track.codec for track in info.tracks if track.kind == "subtitle") == clip.subtitles
    if clip.languages:
        assert tuple(track.language for track in info.tracks if track.kind == "audio") == clip.languages


@ALL
def test_time_stamps_are_those_another_reader_finds(clip: Clip, clips: ClipCache, probed: Probed) -> None:
    info = probed(clip.name)
    expected = frame_times(clips[clip.name])
    ours = [float(pts * info.time_base) for pts in info.pts]
    assert len(ours) == len(expected)
    if clip.name == "starts_negative":  # ffmpeg starts the stampless frames at zero and then falls behind: see below
        ours, expected = ours[20:], expected[20:]
    assert ours == pytest.approx(expected, abs=float(info.time_base))


@ALL
def test_time_stamps_rise_and_the_last_frame_lasts(clip: Clip, probed: Probed) -> None:
    info = probed(clip.name)
    assert all(later > earlier for earlier, later in zip(info.pts, info.pts[1:], strict=False))
    assert info.last_duration > 0


def test_hidden_and_discarded_packets_are_really_in_the_clips(clips: ClipCache, probed: Probed) -> None:
    for clip in CLIPS:
        if not clip.hidden_packets:
            continue
        with av.open(str(clips[clip.name])) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert len(packets) >= clip.frames + clip.hidden_packets, clip.name
        assert probed(clip.name).frame_count == clip.frames


def test_the_clip_cut_by_stream_copy_has_discarded_packets(clips: ClipCache) -> None:
    with av.open(str(clips["cut_by_stream_copy"])) as container:
        assert sum(packet.is_discard for packet in container.demux(video=0)) == 23


@pytest.mark.parametrize(("name", "top_first"), [("interlaced_tff", True), ("interlaced_bff", False)])
def test_interlaced_clips_are_coded_so(name: str, top_first: bool, clips: ClipCache) -> None:
    with av.open(str(clips[name])) as container:
        order = container.streams.video[0].codec_context.field_order
    assert order in ((2, 4) if top_first else (3, 5))  # AVFieldOrder: TT, TB or BB, BT


def test_b_pyramid_is_deep_and_open_gop_open(clips: ClipCache) -> None:
    """Frames decoded before a key frame but shown after it exist only where the GOP is open."""
    with av.open(str(clips["b_pyramid"])) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        assert max(b.pts - b.dts for b in packets if b.pts and b.dts is not None) > 3 * (packets[0].duration or 0)
    with av.open(str(clips["open_gop"])) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
    keys = [(at, packet) for at, packet in enumerate(packets) if packet.is_keyframe and at]
    assert any(later.pts < key.pts for at, key in keys for later in packets[at + 1 :] if later.pts and key.pts)


def test_frames_without_time_stamps_are_counted_back_from_the_first_that_has_one(
    clips: ClipCache, probed: Probed
) -> None:
    with av.open(str(clips["starts_negative"])) as container:
        raw = [frame.pts for frame in container.decode(video=0)]
    assert raw[:10] == [None] * 10
    info = probed("starts_negative")
    assert float(info.pts[0] * info.time_base) == pytest.approx(-0.4)
    assert info.duration_s == pytest.approx(1.6)


def test_rate_and_duration_follow_from_the_time_stamps(probed: Probed) -> None:
    assert probed("cfr_29_97").average_rate == Fraction(30000, 1001)
    assert probed("one_frame").duration_s == pytest.approx(0.04)
    assert probed("flv").last_duration == 40  # states no durations: as long as the frame before
    uneven = probed("vfr")
    assert float((uneven.pts[-1] - uneven.pts[0]) * uneven.time_base) == pytest.approx(39 * 0.04 + 0.5)
    assert 0 < float(uneven.last_duration * uneven.time_base) < 0.1  # mp4 states it in decoding order: a hint only


def test_stored_colours_of_hdr_are_kept_for_the_decoder(probed: Probed) -> None:
    pq, hlg = probed("hdr_pq"), probed("hdr_hlg")
    assert pq.stored_color and pq.stored_color.transfer == "smpte2084" and pq.stored_color.primaries == "bt2020"
    assert hlg.stored_color and hlg.stored_color.transfer == "arib-std-b67"
    assert (pq.peak_nits, hlg.peak_nits) == (1000, 1000)
    assert probed("cfr_25").stored_color is None


def test_an_info_survives_json(probed: Probed) -> None:
    info = probed("hdr_pq")
    assert VideoInfo.model_validate_json(info.model_dump_json()) == info


def test_mastering_metadata_sets_the_peak(tmp_path: Path) -> None:
    clip = tmp_path / "bright.mp4"
    params = recipes.MASTERING.replace("L(10000000,1):max-cll=1000,400", "L(40000000,1)")
    filters = f"{recipes.HDR_YUV},{recipes.tag('bt2020nc', 'bt2020', 'smpte2084')}"
    recipes.video(*recipes.X265, "-x265-params", f"log-level=error:{params}", frames=2, filters=filters)(clip)
    assert probe_video(clip).peak_nits == 4000
