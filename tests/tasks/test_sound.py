"""The sound of a job is extracted once, and taken from the store only as it was put there."""

from pathlib import Path

import pytest

from restyle.domain import VideoInfo
from restyle.job import Job, Look, StyleRef, VideoSource
from restyle.layout import audio
from restyle.media.probe import probe_video
from restyle.storage import Store, open_store
from tasks.sound import extract_audio
from tests.media.recipes import AAC, PICTURES, X264, ffmpeg, tone


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("data", "control"):
        monkeypatch.setenv(f"RESTYLE_{name.upper()}_STORE", (tmp_path / name).as_uri())
    return open_store((tmp_path / "data").as_uri())


def job_of(clip: Path) -> tuple[Job, VideoInfo]:
    video = VideoSource(key="videos/v.mp4", size_bytes=clip.stat().st_size, identity="sha256:00")
    return Job(video=video, style=StyleRef(name="plain", sha256="00"), look=Look()), probe_video(clip)


def test_sound_that_someone_changed_in_the_store_is_extracted_again(data: Store, tmp_path: Path) -> None:
    clip, target = tmp_path / "clip.mp4", tmp_path / "audio.mka"
    ffmpeg(*PICTURES, *tone(), "-frames:v", "20", *X264, *AAC, clip)
    job, info = job_of(clip)
    key = audio(job.job_id)
    assert extract_audio.fn(job, clip, info, target) == target
    extracted = target.read_bytes()
    assert data.read(key) == extracted
    assert extract_audio.fn(job, clip, info, tmp_path / "again.mka").name == "AlreadyDone"  # type: ignore[union-attr]
    flipped = bytes([extracted[0] ^ 1]) + extracted[1:]
    data.write(key, flipped)
    assert extract_audio.fn(job, clip, info, target) == target
    assert data.read(key) == target.read_bytes() != flipped


def test_a_track_without_a_packet_is_no_sound(data: Store, tmp_path: Path) -> None:
    clip, target = tmp_path / "clip.mkv", tmp_path / "audio.mka"
    late = ("-itsoffset", "100", *tone(440, 1))
    ffmpeg(*PICTURES, *late, "-map", "0", "-map", "1", "-t", "1", *X264, *AAC, clip)
    job, info = job_of(clip)
    assert [track.kind for track in info.tracks] == ["audio"]
    assert extract_audio.fn(job, clip, info, target).name == "NotNeeded"  # type: ignore[union-attr]
    assert not target.exists()
