"""Files that are no videos are refused in one sentence that names the file and the remedy."""

import os
import struct
from pathlib import Path

import pytest

from restyle.errors import UnsupportedMedia
from restyle.media import limits
from restyle.media.decoder_process import DecoderProcess
from restyle.media.probe import probe_video
from tests.media.clips import ClipCache
from tests.media.recipes import X264, ffmpeg, picture, tag, to_yuv, tone, video

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.6,\n{clip}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile '{clip}'\n"
DASH = (
    "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period><BaseURL>{clip}</BaseURL></Period></MPD>"
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"

NOT_READ = "is not a video file restyle reads"


def refusal(path: Path) -> str:
    with pytest.raises(UnsupportedMedia) as caught:
        probe_video(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert ";" in message  # what is wrong; the remedy
    return message


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.mp4")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "is empty" in refusal(tmp_path / "empty.mp4")


def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(tmp_path / "pipe.mp4")


@pytest.mark.parametrize(
    "script", [PLAYLIST, CONCAT, DASH, SDP, "just some words\n" * 50], ids=["m3u8", "concat", "dash", "sdp", "text"]
)
def test_scripts_dressed_as_video_are_not_followed(script: str, clips: ClipCache, tmp_path: Path) -> None:
    disguised = tmp_path / "disguised.mp4"
    disguised.write_text(script.format(clip=clips["cfr_25"]))
    assert NOT_READ in refusal(disguised)


def test_a_script_beside_its_video_is_not_followed_either(clips: ClipCache, tmp_path: Path) -> None:
    """A relative name in a concat script, whose ending invites ffmpeg to guess."""
    (tmp_path / "clip.mp4").write_bytes(clips["one_frame"].read_bytes())
    for name, script in (("list.ffconcat", CONCAT), ("list.m3u8", PLAYLIST)):
        (tmp_path / name).write_text(script.format(clip="clip.mp4"))
        assert NOT_READ in refusal(tmp_path / name)


def test_noise(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(bytes((i * i * 31 + i // 7) % 256 for i in range(50_000)))
    refusal(tmp_path / "noise.mp4")


def test_a_picture(tmp_path: Path) -> None:
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=64x48",
        "-frames:v",
        "1",
        "-c:v",
        "png",
        "-f",
        "image2",
        tmp_path / "picture.mp4",
    )
    assert NOT_READ in refusal(tmp_path / "picture.mp4")


@pytest.mark.parametrize("suffix", [".m4a", ".mka", ".wav", ".mp3"])
def test_sound_alone(suffix: str, tmp_path: Path) -> None:
    ffmpeg(*tone(), tmp_path / f"sound{suffix}")
    message = refusal(tmp_path / f"sound{suffix}")
    assert "holds no video stream (audio)" in message or NOT_READ in message


@pytest.mark.parametrize(
    ("suffix", "as_cover"),
    [
        (".m4a", ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic")),
        (".mp3", ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic")),
        (".mkv", ("-map", "0", "-attach", "cover.jpg", "-metadata:s:t", "mimetype=image/jpeg")),
    ],
)
def test_a_cover_picture_is_no_video(
    suffix: str, as_cover: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    song = tmp_path / f"song{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", "cover.jpg")
    ffmpeg(*tone(), "-i", "cover.jpg", *as_cover, song)
    message = refusal(song)
    assert "only a cover picture" in message or NOT_READ in message


def test_a_cut_short_recording_has_no_index(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    video(*X264)(whole)  # the index stands last
    (tmp_path / "short.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert "no readable index" in refusal(tmp_path / "short.mp4")


def test_a_video_without_a_decodable_frame(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    video(*X264, "-g", "1", frames=3)(whole)
    data = bytearray(whole.read_bytes())
    for offset in range(data.index(b"\x1fC\xb6u") + 20, len(data)):  # from the first cluster on
        data[offset] = 0xAA
    (tmp_path / "broken.mkv").write_bytes(data)
    assert "no frame that can be decoded" in refusal(tmp_path / "broken.mkv")


def test_an_absurd_size_is_refused_before_it_costs_memory(tmp_path: Path) -> None:
    clip = tmp_path / "huge.avi"
    video("-c:v", "rawvideo", frames=2)(clip)
    data = bytearray(clip.read_bytes())
    header = data.index(b"strf") + 8
    data[header + 4 : header + 12] = struct.pack("<ii", 10_000, 10_000)
    clip.write_bytes(data)
    assert f"larger than {limits.MAX_PIXELS} pixels" in refusal(clip)


def test_a_codec_nobody_needs_is_not_decoded(tmp_path: Path) -> None:
    clip = tmp_path / "old.avi"
    video("-c:v", "zmbv", frames=2, filters="format=bgr0")(clip)
    assert "is coded in zmbv" in refusal(clip)


def test_a_matrix_the_converter_lacks(tmp_path: Path) -> None:
    clip = tmp_path / "ycgco.mp4"
    video(*X264, frames=2, filters=f"{to_yuv()},{tag('ycgco')}")(clip)
    assert "has colours coded as ycgco" in refusal(clip)


def test_a_file_of_countless_streams(tmp_path: Path) -> None:
    clip = tmp_path / "many.mkv"
    maps = ("-map", "0:v", *("-map", "1:a") * 70)
    source = ("-f", "lavfi", "-i", f"{picture()},{to_yuv()}", *tone(seconds=0.1))
    ffmpeg(*source, *maps, "-frames:v", "2", *X264, "-c:a", "pcm_s16le", clip)
    assert "more than 64 streams" in refusal(clip)


def test_a_video_of_days(tmp_path: Path) -> None:
    clip = tmp_path / "days.mkv"
    late = ("-vf", "settb=1/1000,setpts='if(eq(N,4),300000,N*0.04)/TB'")
    video(*X264, *late, "-fps_mode", "passthrough", "-enc_time_base", "1/1000", frames=5)(clip)
    assert "lasts 300000 s, above the limit" in refusal(clip)


def test_dolby_vision_without_a_plain_picture(clips: ClipCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """No encoder at hand writes profile 5; its mark is Dolby's metadata on a picture that names no transfer."""
    gathered = DecoderProcess.json
    monkeypatch.setattr(DecoderProcess, "json", lambda self, header: gathered(self, header) | {"dolby_vision": True})
    assert "is Dolby Vision" in refusal(clips["one_frame"])
    assert probe_video(clips["hdr_pq"]).tone_map == "bt2390"


def test_a_video_beside_a_cover_picture_is_found(clips: ClipCache, tmp_path: Path) -> None:
    cover, film = tmp_path / "cover.jpg", tmp_path / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=640x480", "-frames:v", "1", cover)
    maps = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic", "-disposition:v:1", "default")
    ffmpeg("-i", clips["silent"], "-i", cover, *maps, film)
    info = probe_video(film)
    assert (info.width, info.height, info.frame_count) == (160, 90, 40)
