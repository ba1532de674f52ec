"""extract-audio: every audio track of the source, copied."""

import hashlib
from contextlib import suppress
from pathlib import Path

from prefect import task

from restyle.domain import VideoInfo
from restyle.errors import BlobNotFound
from restyle.job import Job
from restyle.layout import audio, audio_record
from restyle.media.sound import extract_sound
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores

CONTAINER_BYTES = 1 << 20
"""More than Matroska adds to tracks that were in the source: a larger one is not ours, and would fill the disk."""


@task(name="extract-audio", task_run_name="extract-audio", **RETRYING)
def extract_audio(job: Job, source: Path, info: VideoInfo, target: Path) -> Path | None:
    """The local Matroska file with the job's sound, also kept in the data store; None for a silent video."""
    stores, key, record = open_stores(), audio(job.job_id), audio_record(job.job_id)
    if not any(track.kind == "audio" for track in info.tracks):
        return already("NotNeeded", "the video has no sound", None)
    with suppress(BlobNotFound):  # of what was extracted before; others may write to the data store
        recorded = stores.control.read(record).decode()
        if stores.data.stat(key).size_bytes <= job.video.size_bytes + CONTAINER_BYTES:
            stores.data.download(key, target)
            if _sha256(target) == recorded:
                return already("AlreadyDone", "extracted before", target)
    if not extract_sound(source, info, target):
        return already("NotNeeded", "no sound of the video can be read", None)
    with target.open("rb") as file:
        stores.data.write(key, file)
    stores.control.write(record, _sha256(target).encode())
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
