"""Extracted sound: every track, bit for bit, at its own time. About 10 s."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from restyle.errors import EncodingFailed
from restyle.media.probe import probe_video
from restyle.media.sound import extract_sound, survey_sound
from tests.media.clips import ClipCache
from tests.media.outputs import sound, sound_packets, streams
from tests.media.recipes import AAC, PICTURES, X264, ffmpeg, tone


@pytest.mark.parametrize(
    "name", ["cfr_25", "two_languages", "cut_by_stream_copy", "starts_late", "mpeg2_ts", "vp9_opus", "pcm_mov", "wmv"]
)
def test_every_track_is_copied_at_its_own_time(name: str, clips: ClipCache, tmp_path: Path) -> None:
    source, target = clips[name], tmp_path / "audio.mka"
    info = probe_video(source)
    assert extract_sound(source, info, target)
    base = survey_sound(source, info).base_s
    for track in range(sum(track.kind == "audio" for track in info.tracks)):
        expected = sound_packets(source, track, Fraction(0))
        found = sound_packets(target, track, -base)
        assert [packet.payload for packet in found] == [packet.payload for packet in expected]
        for before, after in zip(expected, found, strict=True):
            assert after.time_s == pytest.approx(before.time_s, abs=0.001)  # Matroska counts milliseconds


def test_a_silent_video_gives_no_file(clips: ClipCache, tmp_path: Path) -> None:
    source = clips["silent"]
    assert not extract_sound(source, probe_video(source), tmp_path / "audio.mka")
    assert not list(tmp_path.iterdir())


def test_languages_titles_and_dispositions_stay(tmp_path: Path) -> None:
    source, target = tmp_path / "source.mkv", tmp_path / "audio.mka"
    tags = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger", "-metadata:s:a:1", "title=Kommentar")
    marks = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a")
    ffmpeg(*PICTURES, *tone(), *maps, "-frames:v", "40", *X264, *AAC, *tags, *marks, source)
    assert extract_sound(source, probe_video(source), target)
    first, second = streams(target)
    assert (first["language"], first["title"], first["default"]) == ("eng", None, False)
    assert (second["language"], second["title"], second["default"]) == ("ger", "Kommentar", True)


def test_a_codec_matroska_cannot_hold_becomes_flac_without_loss(tmp_path: Path) -> None:
    source, target = tmp_path / "source.mov", tmp_path / "audio.mka"
    maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a")
    ffmpeg(*PICTURES, *tone(), *maps, "-frames:v", "40", *X264, "-c:a:0", "adpcm_ima_qt", "-c:a:1", "pcm_s16le", source)
    assert extract_sound(source, probe_video(source), target)
    assert [stream["codec"] for stream in streams(target)] == ["flac", "pcm_s16le"]
    pictures = tmp_path / "with-picture.mkv"  # the reader times sound by the first picture
    ffmpeg("-i", source, "-i", target, "-map", "0:v", "-map", "1:a:0", "-c", "copy", pictures)
    expected, found = sound(source)[0], sound(pictures)[0]
    assert np.array_equal(found[: len(expected)], expected)
    assert not found[len(expected) :].any()


def test_a_failure_leaves_nothing(clips: ClipCache, tmp_path: Path) -> None:
    source = clips["cfr_25"]
    info = probe_video(source)
    with pytest.raises(EncodingFailed, match=r"extracting the sound of cfr_25\.mp4: .*No such file"):
        extract_sound(source, info, tmp_path / "no" / "folder.mka")
    assert not list(tmp_path.iterdir())


def test_the_clock_is_the_sources_unless_that_is_negative(clips: ClipCache) -> None:
    assert survey_sound(clips["starts_late"], probe_video(clips["starts_late"])).base_s == 0
    assert survey_sound(clips["cfr_25"], probe_video(clips["cfr_25"])).base_s == Fraction(-1024, 48000)
    assert survey_sound(clips["silent"], probe_video(clips["silent"])).codecs == {}
