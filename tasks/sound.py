"""extract-audio: every audio track of the source, copied."""

from contextlib import suppress
from pathlib import Path

from prefect import task

from restyle.domain import VideoInfo
from restyle.errors import BlobNotFound
from restyle.job import Job
from restyle.layout import audio
from restyle.media.sound import extract_sound
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores

CONTAINER_BYTES = 1 << 20
"""More than Matroska adds to tracks that were in the source: a larger one is not ours, and would fill the disk."""


@task(name="extract-audio", task_run_name="extract-audio", **RETRYING)
def extract_audio(job: Job, source: Path, info: VideoInfo, target: Path) -> Path | None:
    """The local Matroska file with the job's sound, also kept in the data store; None for a silent video."""
    data, key = open_stores().data, audio(job.job_id)
    if not any(track.kind == "audio" for track in info.tracks):
        return already("NotNeeded", "the video has no sound", None)
    with suppress(BlobNotFound):
        if data.stat(key).size_bytes <= job.video.size_bytes + CONTAINER_BYTES:
            data.download(key, target)
            return already("AlreadyDone", "extracted before", target)
    extract_sound(source, info, target)
    with target.open("rb") as file:
        data.write(key, file)
    return target
