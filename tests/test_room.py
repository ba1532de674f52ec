"""What a run demands of a disk before it begins."""

from pathlib import Path

import pytest

from restyle.errors import NotEnoughDisk, SourceChanged
from restyle.job import VideoSource
from restyle.room import IMAGE_BYTES_PER_PIXEL, fetch, require_room_for_frames
from restyle.storage.files import FileStore
from tests.jobs import HEIGHT, WIDTH, small_job


class SmallDisk(FileStore):
    """A folder on a disk that has only so much left."""

    def __init__(self, root: Path, free: float) -> None:
        super().__init__(root)
        self._free = free

    def free_bytes(self) -> int:
        return int(self._free)


def test_room_is_asked_for_the_frames_that_are_still_missing(tmp_path: Path) -> None:
    plan = small_job(tmp_path).plan.model_copy(update={"frame_count": 1000})
    image = WIDTH * HEIGHT * IMAGE_BYTES_PER_PIXEL["png"]
    disk = SmallDisk(tmp_path / "disk", free=700 * image)
    with pytest.raises(NotEnoughDisk, match="need about"):
        require_room_for_frames(disk, tmp_path, plan, missing=1000)
    require_room_for_frames(disk, tmp_path, plan, missing=200)


def test_a_stored_video_that_was_replaced_meanwhile_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    old = store.write("videos/segment.mkv", b"old")
    source = VideoSource(key=old.key, size_bytes=3, identity=f"etag:{old.etag}")
    (tmp_path / "run").mkdir()
    fetched = fetch(store, source, tmp_path / "run")
    assert fetched.read_bytes() == b"old"
    assert fetched != tmp_path / "run/segment.mkv"  # a name that the run itself uses
    store.write("videos/segment.mkv", b"new")
    (tmp_path / "again").mkdir()
    with pytest.raises(SourceChanged, match=r"segment\.mkv"):
        fetch(store, source, tmp_path / "again")
