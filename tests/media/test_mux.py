"""Joined and muxed outputs: the source's times, sound, subtitles and metadata, and every refusal told early."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restyle.domain import Codec
from restyle.errors import DiskFull, EncodingFailed, MediaError, UnsupportedOutput
from restyle.media.encode import encode_segment
from restyle.media.mux import assemble, rehearse_mux
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.media.segments import frame_times, join_segments
from restyle.media.verify import verify_output
from tests.media.bitmap_subtitles import pgs
from tests.media.clips import ClipCache
from tests.media.exactness import put_through
from tests.media.outputs import boxes, chapters, metadata, sound, sound_packets, streams
from tests.media.recipes import AAC, METADATA, PICTURES, SRT, X264, ffmpeg, tone
from tests.media.test_encode import CODECS, info_of, shades

UNEVEN = (0, 1, 2, 10, 11, 13, 14, 40, 41, 42, 43, 44, 60, 61, 62, 63, 64, 65, 66, 90)


def segments_of(cuts: list[int], codec: Codec, folder: Path) -> list[Path]:
    """The shades, encoded in pieces."""
    frames = list(shades(cuts[-1]))
    paths = []
    for start, stop in zip([0, *cuts], cuts, strict=False):
        paths.append(folder / f"{start}.segment")
        encode_segment(frames[start:stop], (160, 90), info_of(cuts[-1]), OutputOptions(codec=codec, crf=12), paths[-1])
    return paths


# --- joining ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
def test_segments_join_in_order_under_the_sources_times(codec: Codec, tmp_path: Path) -> None:
    times = frame_times(info_of(20, pts=UNEVEN), Fraction(-1, 5))
    join_segments(segments_of([1, 8, 10, 20], codec, tmp_path), times, tmp_path / "joined.mp4")
    with av.open(str(tmp_path / "joined.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [frame.pts * frame.time_base for frame in frames if frame.pts is not None and frame.time_base] == [
        Fraction(pts, 25) + Fraction(1, 5) for pts in UNEVEN
    ]
    brightness = [frame.to_ndarray(format="gray").mean() for frame in frames]
    assert brightness == sorted(brightness)


def test_missing_frames_are_noticed_before_anything_is_written(tmp_path: Path) -> None:
    segments = segments_of([5, 9], "h264", tmp_path)
    with pytest.raises(EncodingFailed, match="2 segments hold 9 frames instead of 10"):
        join_segments(segments, frame_times(info_of(10), Fraction(0)), tmp_path / "joined.mp4")
    assert not (tmp_path / "joined.mp4").exists()


def test_segments_with_other_headers_are_not_joined(tmp_path: Path) -> None:
    first, second = tmp_path / "a.segment", tmp_path / "b.segment"
    encode_segment(shades(5), (160, 90), info_of(5), OutputOptions(), first)
    encode_segment(shades(5, (176, 90)), (176, 90), info_of(5), OutputOptions(), second)
    with pytest.raises(EncodingFailed, match=r"b\.segment was encoded with other options"):
        join_segments([first, second], frame_times(info_of(10), Fraction(0)), tmp_path / "joined.mp4")


def test_a_segment_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.segment").write_bytes(b"cut short")
    with pytest.raises(EncodingFailed, match=r"a\.segment"):
        join_segments([tmp_path / "a.segment"], frame_times(info_of(1), Fraction(0)), tmp_path / "joined.mp4")


def test_a_disk_that_fills_up_while_joining_is_named(tmp_path: Path) -> None:
    segments = segments_of([20], "h264", tmp_path)
    with pytest.raises(DiskFull, match="is full; free space"):
        join_segments(segments, frame_times(info_of(20), Fraction(0)), Path("/dev/full"))


@given(
    base=st.sampled_from(
        ["1/25", "1001/30000", "1/90000", "1/1000", "1/1000000", "1/1000000000", "1/16000", "7/1234567"]
    ),
    start=st.integers(-(10**6), 10**9),
    steps=st.lists(st.integers(1, 10**7), min_size=0, max_size=50),
    last=st.integers(0, 10**7),
    zero=st.fractions(-100, 100, max_denominator=48000),
)
@settings(max_examples=300, deadline=None)
def test_frame_times_are_the_sources(base: str, start: int, steps: list[int], last: int, zero: Fraction) -> None:
    """In whole ticks: exact up to 240,000 ticks a second, else within 2.1 us; the start within 50 us."""
    pts = tuple(np.cumsum([start, *steps], dtype=object).tolist())
    info = info_of(len(pts), pts=pts).model_copy(update={"time_base": Fraction(base), "last_duration": last})
    times = frame_times(info, zero)
    assert times.time_base.numerator == 1
    assert abs(times.pts[0] * times.time_base - (pts[0] * info.time_base - zero)) <= Fraction(1, 20_000)
    exact = info.time_base.denominator <= 240_000
    for ours, theirs in zip(times.pts, pts, strict=True):
        error = abs((ours - times.pts[0]) * times.time_base - (theirs - pts[0]) * info.time_base)
        assert error <= (0 if exact else Fraction(21, 10_000_000))


# --- times, all the way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vfr", "one_frame", "starts_negative", "sound_first", "cfr_29_97"])
def test_mp4_times_are_exact_and_matroskas_within_its_millisecond(name: str, clips: ClipCache, tmp_path: Path) -> None:
    for suffix, bound_s in ((".mp4", 0.0), (".mkv", 0.001)):
        assert put_through(clips[name], tmp_path, OutputOptions(suffix=suffix)).facts.worst_drift_s <= bound_s


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_last_frame_that_stays_keeps_its_time(suffix: str, tmp_path: Path) -> None:
    info = info_of(20).model_copy(update={"last_duration": 75})
    source, target = tmp_path / "source.mkv", tmp_path / f"out{suffix}"
    ffmpeg(*PICTURES, "-frames:v", "20", *X264, source)
    plan = rehearse_mux(source, info, OutputOptions(suffix=suffix), (160, 90))
    assemble(segments_of([20], "h264", tmp_path), info, plan, source, None, target)
    with av.open(str(target)) as container:
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx((19 + 75) / 25, abs=0.001)
    if suffix == ".mp4":  # and it is so read that a copy of the copy keeps it, too
        assert probe_video(target).duration_s == pytest.approx((19 + 75) / 25, abs=0.001)
        again = put_through(target, tmp_path, OutputOptions())
        assert again.facts.duration_s == pytest.approx((19 + 75) / 25, abs=0.001)


# --- sound ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("name", ["cfr_25", "two_languages", "starts_late", "sound_first", "mpeg2_ts", "pcm_mov"])
def test_copied_sound_keeps_its_bits_and_its_place(name: str, suffix: str, clips: ClipCache, tmp_path: Path) -> None:
    passage = put_through(clips[name], tmp_path, OutputOptions(suffix=suffix))
    assert [plan.codec for plan in passage.plan.tracks] == ["copy"] * len(passage.plan.tracks)
    for track in range(len(passage.plan.tracks)):
        zero = passage.info.pts[0] * passage.info.time_base
        expected = sound_packets(passage.source, track, zero)
        found = sound_packets(passage.target, track)
        assert [packet.payload for packet in found] == [packet.payload for packet in expected]
        for before, after in zip(expected, found, strict=True):
            assert after.time_s == pytest.approx(before.time_s, abs=0.001)


def test_sound_before_a_cut_stays_unheard(clips: ClipCache, tmp_path: Path) -> None:
    """An edit list hides 0.94 s of sound; Matroska has none, so the packets go, but for a coder's run-up."""
    passage = put_through(clips["cut_by_stream_copy"], tmp_path, OutputOptions(suffix=".mkv"))
    zero = passage.info.pts[0] * passage.info.time_base
    expected = [packet for packet in sound_packets(passage.source, 0, zero) if packet.time_s > -4096 / 48000]
    found = sound_packets(passage.target)
    assert [packet.payload for packet in found] == [packet.payload for packet in expected]
    assert found[0].time_s == pytest.approx(expected[0].time_s, abs=0.001)


@pytest.mark.parametrize("coder", ["aac", "pcm_mulaw"])
def test_sound_of_a_low_rate_keeps_the_run_up_its_decoder_needs(coder: str, tmp_path: Path) -> None:
    """At 8 kHz AAC runs up for 128 ms."""
    source = tmp_path / "telephone.mov"
    ffmpeg(*PICTURES, *tone(), "-frames:v", "40", *X264, "-c:a", coder, "-ar", "8000", "-ac", "1", source)
    passage = put_through(source, tmp_path, OutputOptions())
    for path in (passage.source, passage.target):
        samples, times_s = sound(path)
        loud = times_s[np.abs(samples) > 0.03]
        assert loud[0] == pytest.approx(0, abs=0.004), path
        assert loud[-1] == pytest.approx(1.6, abs=0.004), path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_long_hidden_beginning_stays_unheard(suffix: str, tmp_path: Path) -> None:
    """Cut by stream copy 4 s into a single GOP: some 400 short packets are hidden, more than a rehearsal reads."""
    whole, source = tmp_path / "whole.mp4", tmp_path / "source.mp4"
    gop = ("-g", "600", "-sc_threshold", "0")
    ffmpeg(
        *PICTURES, *tone(seconds=6), "-frames:v", "150", *X264, *gop, "-c:a", "libopus", "-frame_duration", "2.5", whole
    )
    ffmpeg("-ss", "4", "-i", whole, "-c", "copy", source)
    passage = put_through(source, tmp_path, OutputOptions(suffix=suffix))
    assert passage.info.frame_count == 50
    assert sound_packets(passage.source, 0, Fraction(0))[50].time_s < -0.5
    assert -0.1 < sound_packets(passage.target)[0].time_s < 0


@pytest.mark.parametrize(("coder", "suffix", "codec"), [("libvorbis", ".mp4", "aac"), ("ac3", ".webm", "opus")])
def test_sound_encoded_anew_keeps_its_gaps_and_its_place(coder: str, suffix: str, codec: str, tmp_path: Path) -> None:
    """Two clicks with half a second of missing packets between them, in codecs the containers do not take."""
    whole, source = tmp_path / "whole.mkv", tmp_path / "source.mkv"
    clicks = "aevalsrc='if(between(t,0.3,0.302)+between(t,1.3,1.302),0.9,0)':s=48000:d=1.6"
    ffmpeg(*PICTURES, "-f", "lavfi", "-i", clicks, "-frames:v", "40", *X264, "-c:a", coder, "-b:a", "192k", whole)
    ffmpeg("-i", whole, "-c", "copy", "-bsf:a", "noise=drop=between(pts*tb\\,0.5\\,1)", source)
    options = OutputOptions(codec="av1" if suffix == ".webm" else "h264", suffix=suffix)
    passage = put_through(source, tmp_path, options)
    assert [track.codec for track in passage.facts.tracks] == [codec]
    assert f"is encoded as {passage.plan.tracks[0].codec}" in passage.plan.notes[0]
    for path in (passage.source, passage.target):
        samples, times_s = sound(path)
        loud = times_s[np.abs(samples) > 0.3]
        assert loud[0] == pytest.approx(0.3, abs=0.004), path
        assert loud[-1] == pytest.approx(1.302, abs=0.004), path


def test_a_track_that_begins_minutes_later_is_kept(tmp_path: Path) -> None:
    """In a transport stream nothing is known of a track before its first packet."""
    source = tmp_path / "late.ts"
    slow = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=2")
    late = ("-itsoffset", "130", *tone(440, 5))
    coders = ("-c:v", "libx264", "-preset", "ultrafast", *AAC)
    ffmpeg(*slow, *late, *tone(880, 3), "-map", "0", "-map", "1", "-map", "2", "-frames:v", "280", *coders, source)
    passage = put_through(source, tmp_path, OutputOptions())
    assert passage.plan.notes == ()
    starts = [sound_packets(passage.target, track)[0].time_s for track in (0, 1)]
    assert starts == pytest.approx([130, 0], abs=0.05)


def test_a_track_that_is_empty_is_left_out_with_a_note(tmp_path: Path) -> None:
    source, script = tmp_path / "empty.mkv", tmp_path / "empty.srt"
    script.write_text("1\n00:01:00,000 --> 00:01:01,000\ntoo late\n")
    maps = ("-map", "0", "-map", "1", "-c:s", "srt", "-t", "1", "-metadata:s:s:0", "language=eng")
    ffmpeg(*PICTURES, "-i", script, *maps, *X264, source)
    passage = put_through(source, tmp_path, OutputOptions())
    assert passage.plan.notes == ("subtitle stream 1 (eng, subrip) is left out: it is empty or cannot be read",)


# --- subtitles, metadata, containers ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two languages, styled subtitles with their font, bitmap subtitles, chapters, tags; all of it begins at 3 s."""
    folder = tmp_path_factory.mktemp("rich")
    target = folder / "rich.mkv"
    (folder / "a.srt").write_bytes(SRT)
    (folder / "b.sup").write_bytes(pgs(0.4, 1.2))
    (folder / "tags.txt").write_text(METADATA.replace("artist=", "anything=goes\nartist="))
    (folder / "f.ttf").write_bytes(b"a font")
    inputs = (
        "-i",
        folder / "a.srt",
        "-f",
        "sup",
        "-i",
        folder / "b.sup",
        "-f",
        "ffmetadata",
        "-i",
        folder / "tags.txt",
    )
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s", "-map", "4:s")
    tags = (
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-metadata:s:a:1", "title=Kommentar",
        "-metadata:s:s:0", "language=fre", "-metadata:s:s:1", "language=jpn",
        "-disposition:a:0", "default", "-disposition:s:0", "forced",
        "-attach", folder / "f.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font",
    )  # fmt: skip
    coders = (*X264, *AAC, "-c:s:0", "ass", "-c:s:1", "copy")
    later = ("-itsoffset", "0.4", *tone(880, 1.0))
    whole = folder / "whole.mkv"
    ffmpeg(*PICTURES, *tone(), *later, *inputs, *maps, "-map_metadata", "5", "-map_chapters", "5", "-frames:v", "40",
           *coders, *tags, whole)  # fmt: skip
    ffmpeg("-itsoffset", "3", "-i", whole, "-map", "0", "-c", "copy", target)
    return target


def test_matroska_keeps_everything(rich: Path, tmp_path: Path) -> None:
    passage = put_through(rich, tmp_path, OutputOptions(suffix=".mkv"))
    assert passage.plan.notes == ()
    found = streams(passage.target)
    assert [stream["codec"] for stream in found] == ["h264", "aac", "aac", "ass", "hdmv_pgs_subtitle", None]
    assert [stream["language"] for stream in found[1:5]] == ["eng", "ger", "fre", "jpn"]
    assert found[2]["title"] == "Kommentar"
    assert [stream["default"] for stream in found[1:3]] == [True, False]
    assert [stream["forced"] for stream in found[3:5]] == [True, False]
    tags = metadata(passage.target)
    assert (tags["title"], tags["artist"], tags["anything"]) == ("A walk", "Somebody", "goes")
    assert chapters(passage.target) == [(0.0, 0.8, "Out"), (0.8, 1.6, "Home")]


def test_mp4_keeps_what_it_can_and_the_plan_says_the_rest(rich: Path, tmp_path: Path) -> None:
    passage = put_through(rich, tmp_path, OutputOptions())
    found = streams(passage.target)
    assert [stream["codec"] for stream in found[:4]] == ["h264", "aac", "aac", "mov_text"]
    assert [stream["language"] for stream in found[1:4]] == ["eng", "ger", "fre"]
    assert found[2]["title"] == "Kommentar"
    assert passage.plan.notes == (
        "subtitle stream 3 (fre, ass) is encoded as mov_text: mp4 does not hold it as it is",
        "subtitle stream 4 (jpn, hdmv_pgs_subtitle) is left out: mp4 does not hold it as it is",
    )
    assert (metadata(passage.target)["title"], metadata(passage.target)["artist"]) == ("A walk", "Somebody")
    assert chapters(passage.target) == [(0.0, 0.8, "Out"), (0.8, 1.6, "Home")]


@pytest.mark.parametrize(("name", "suffix"), [("subtitles_mov_text", ".mkv"), ("subtitles_srt", ".mp4")])
def test_converted_subtitles_keep_text_and_time(name: str, suffix: str, clips: ClipCache, tmp_path: Path) -> None:
    passage = put_through(clips[name], tmp_path, OutputOptions(suffix=suffix))
    script = tmp_path / "read.srt"
    ffmpeg("-i", passage.target, "-map", "0:s:0", script)
    assert script.read_bytes().strip() == SRT.strip()


@pytest.mark.parametrize("codec", CODECS)
def test_mp4_starts_fast_and_carries_its_tags(codec: Codec, clips: ClipCache, tmp_path: Path) -> None:
    passage = put_through(clips["bt601_tagged"], tmp_path, OutputOptions(codec=codec))
    found = dict(reversed(boxes(passage.target)))
    names = [name for name, _ in boxes(passage.target)]
    assert names.index("moov") < names.index("mdat")
    entry = "moov.trak.mdia.minf.stbl.stsd." + {"h264": "avc1", "hevc": "hvc1", "av1": "av01"}[codec]
    assert found[entry + ".colr"] == b"nclx" + bytes([0, 6, 0, 6, 0, 6, 0])  # smpte170m throughout, limited range


def test_pixels_that_are_not_square_stay_so(clips: ClipCache, tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv"):
        passage = put_through(clips["non_square_pixels"], tmp_path, OutputOptions(suffix=suffix))
        assert probe_video(passage.target).sample_aspect == Fraction(64, 45)


def test_a_repeated_row_or_column_is_told(clips: ClipCache, tmp_path: Path) -> None:
    notes = put_through(clips["odd_size"], tmp_path, OutputOptions()).plan.notes
    assert notes == ("161x91 is coded as 162x92, as 4:2:0 needs even sizes: its last column and row are repeated",)


@pytest.mark.parametrize(("codec", "suffix"), [("hevc", ".mov"), ("av1", ".webm"), ("av1", ".mkv"), ("hevc", ".mkv")])
def test_other_codecs_and_containers_work(codec: Codec, suffix: str, clips: ClipCache, tmp_path: Path) -> None:
    passage = put_through(clips["two_languages"], tmp_path, OutputOptions(codec=codec, suffix=suffix))
    assert passage.facts.frames == 40
    assert [track.language for track in passage.facts.tracks] == ["eng", "ger"]
    assert [track.start_s for track in passage.facts.tracks if track.start_s and track.start_s > Fraction(1, 3)]


def test_max_side_paints_small(clips: ClipCache, tmp_path: Path) -> None:
    passage = put_through(clips["rotated_90"], tmp_path, OutputOptions(), max_side=80)
    found = probe_video(passage.target)
    assert (found.width, found.height, found.rotation_deg) == (44, 80, 0) == (*passage.plan.size, 0)


# --- refusals and checks ----------------------------------------------------------------------------------------------


def test_what_cannot_be_written_is_known_before_any_frame(clips: ClipCache) -> None:
    source = clips["silent"]
    info = probe_video(source)
    with pytest.raises(
        UnsupportedOutput, match=r"silent\.mp4 cannot become hevc in \.mp4 at 8x8; choose another codec"
    ):
        rehearse_mux(source, info, OutputOptions(codec="hevc"), (8, 8))


def test_frames_closer_than_a_container_can_tell_are_known_before_any_frame(clips: ClipCache) -> None:
    source = clips["silent"]
    info = probe_video(source)
    repeated = tuple(pts * 90_000 // info.pts[1] for pts in range(10))
    close = info.model_copy(update={"time_base": Fraction(1, 90_000), "pts": (*repeated[:5], repeated[4] + 1)})
    with pytest.raises(UnsupportedOutput, match=r"silent\.mp4: two of its frames are 0\.0111 ms apart.* an \.mp4"):
        rehearse_mux(source, close, OutputOptions(suffix=".mkv"), (160, 90))
    rehearse_mux(source, close, OutputOptions(suffix=".mp4"), (160, 90))
    exact = info.model_copy(update={"time_base": Fraction(1, 1000), "pts": (0, 1, 2, 3)})
    rehearse_mux(source, exact, OutputOptions(suffix=".mkv"), (160, 90))


def test_missing_sound_is_noticed_and_nothing_is_left(clips: ClipCache, tmp_path: Path) -> None:
    source = clips["cfr_25"]
    info = probe_video(source)
    plan = rehearse_mux(source, info, OutputOptions(), (160, 90))
    target = tmp_path / "out" / "out.mp4"
    target.parent.mkdir()
    with pytest.raises(EncodingFailed, match=r"the sound of cfr_25\.mp4 was not extracted"):
        assemble(segments_of([40], "h264", tmp_path), info, plan, source, None, target)
    assert not list(target.parent.iterdir())


def test_a_failed_mux_leaves_nothing(clips: ClipCache, tmp_path: Path) -> None:
    source = clips["cfr_25"]
    info = probe_video(source)
    plan = rehearse_mux(source, info, OutputOptions(), (160, 90))
    sound_file, target = tmp_path / "audio.mka", tmp_path / "out" / "out.mp4"
    target.parent.mkdir()
    sound_file.write_bytes(b"not sound")
    with pytest.raises(EncodingFailed, match=r"muxing out\.mp4: ffmpeg failed"):
        assemble(segments_of([40], "h264", tmp_path), info, plan, source, sound_file, target)
    assert not list(target.parent.iterdir())


def test_verification_finds_what_is_wrong(clips: ClipCache, tmp_path: Path) -> None:
    passage = put_through(clips["cfr_25"], tmp_path, OutputOptions())
    info, plan = passage.info, passage.plan
    more = info.model_copy(update={"pts": (*info.pts, info.pts[-1] + 512)})
    with pytest.raises(MediaError, match="holds 40 frames instead of 41"):
        verify_output(passage.target, more, plan)
    late = (*info.pts[:20], *(pts + 256 for pts in info.pts[20:]))  # half a frame
    with pytest.raises(MediaError, match=r"shows a frame 20\.0 ms off its time"):
        verify_output(passage.target, info.model_copy(update={"pts": late}), plan)
    with pytest.raises(MediaError, match="holds 1 audio tracks instead of 2"):
        verify_output(passage.target, info, plan.model_copy(update={"tracks": plan.tracks * 2}))
    whole = passage.target.read_bytes()
    passage.target.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(MediaError, match=r"instead of 40|do not decode"):
        verify_output(passage.target, info, plan)


def test_a_plan_survives_being_written_down(clips: ClipCache) -> None:
    source = clips["two_languages"]
    plan = rehearse_mux(source, probe_video(source), OutputOptions(), (160, 90))
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan
