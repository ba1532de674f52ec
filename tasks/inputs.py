"""upload-inputs: the video and what paints it go to where every worker finds them."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from prefect import task

from restyle.errors import BlobExists, BlobNotFound, SourceChanged
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
    """The source a local file is, by its content. Raises SourceChanged for a file that is still being written."""
    with local.open("rb") as file:
        before = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceChanged(f"{local}: changed while it was read; run again when it is whole")
    return VideoSource(key=video(digest, local.name), size_bytes=after.st_size, identity=f"sha256:{digest}")


def holds(data: Store, source: VideoSource) -> bool:
    """Whether the store has this very video; its key carries the hash of its content."""
    try:
        return data.stat(source.key).size_bytes == source.size_bytes
    except BlobNotFound:
        return False


def upload_files(control: Store, chosen: Chosen) -> bool:
    """Put weights or a program under their hash; False when all were there."""
    missing = {key: data for key, data in chosen.files.items() if not _has(control, key)}
    for key, data in missing.items():
        require_room(control, len(data), "the style's weights")
        with suppress(BlobExists):
            control.create(key, data)
    return bool(missing)


def _has(store: Store, key: str) -> bool:
    try:
        store.stat(key)
    except BlobNotFound:
        return False
    return True
