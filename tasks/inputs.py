"""upload-inputs: the video and what paints it go to where every worker finds them."""

import hashlib
from pathlib import Path

from prefect import task

from restyle.errors import BlobExists, BlobNotFound
from restyle.job import VideoSource
from restyle.layout import video
from restyle.room import require_room
from restyle.storage import Store
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores
from tasks.styles import Chosen


@task(name="upload-inputs", task_run_name="upload-inputs", **RETRYING)
def upload_inputs(local: Path | None, key: str | None, chosen: Chosen) -> VideoSource:
    """The video as the data store holds it: uploaded from `local` unless its bytes are there, or found under `key`."""
    stores = open_stores()
    fresh = upload_files(stores.control, chosen)
    if local is None:
        assert key is not None
        blob = stores.data.stat(key)
        return VideoSource(key=key, size_bytes=blob.size_bytes, identity=f"etag:{blob.etag}")
    source = identify(local)
    if holds(stores.data, source) and not fresh:
        return already("AlreadyDone", f"{source.key} and the style's weights are in the stores", source)
    if not holds(stores.data, source):
        require_room(stores.data, source.size_bytes, "a copy of the video")
        with local.open("rb") as file:
            stores.data.write(source.key, file)
    return source


def identify(local: Path) -> VideoSource:
    """The source a local file is, by its content."""
    with local.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return VideoSource(key=video(digest, local.name), size_bytes=file.tell(), identity=f"sha256:{digest}")


def holds(data: Store, source: VideoSource) -> bool:
    """Whether the store has this very video; its key carries the hash of its content."""
    try:
        return data.stat(source.key).size_bytes == source.size_bytes
    except BlobNotFound:
        return False


def upload_files(control: Store, chosen: Chosen) -> bool:
    """Put weights or a program under their hash; False when all were there."""
    fresh = False
    for key, data in chosen.files.items():
        try:
            require_room(control, len(data), "the style's weights")
            control.create(key, data)
            fresh = True
        except BlobExists:
            continue
    return fresh
