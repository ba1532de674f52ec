"""What a folder adds to the contract: links, killed writers, full disks, foreign files."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from restyle.errors import AccessDenied, BlobNotFound, StorageError, StoreUnavailable
from restyle.storage import files, locks, walk
from restyle.storage.files import FileStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def hidden(root: Path) -> list[str]:
    """Temporary files left in the store."""
    return [path.name for path in (root / ".restyle" / "tmp").iterdir()]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's power to write anywhere, where the tests run as root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_folder_that_is_closed_to_us_hides_no_others(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reach = FileStore(root), walk.folder_below

    def closed(place: Path, segments: Sequence[str], make: bool = False) -> AbstractContextManager[int]:
        if list(segments) == ["inbox", "b"]:  # root may look into any folder
            raise PermissionError(errno.EACCES, "Permission denied")
        return reach(place, segments, make)

    for key in ("inbox/a/1", "inbox/b/2", "inbox/c/3"):
        store.write(key, b"x")
    monkeypatch.setattr(files, "folder_below", closed)
    for _ in range(2):
        assert [blob.key for blob in store.list("inbox/")] == ["inbox/a/1", "inbox/c/3"]
    with pytest.raises(AccessDenied, match="inbox/b"):
        list(store.list("inbox/b/"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_symbolic_links_are_followed_neither_in_nor_out(root: Path, tmp_path: Path) -> None:
    store = FileStore(root)
    store.write("inside/secret", b"ours")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "passwd").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "file").symlink_to(tmp_path / "outside" / "passwd")
    (root / "turn").symlink_to(root / "inside")
    for key in ("link/passwd", "file", "turn/secret"):
        with pytest.raises(BlobNotFound):
            store.read(key)
    with pytest.raises(StorageError, match="link"):
        store.write("link/new", b"x")
    store.delete("link/passwd")
    store.delete("file")
    store.write("turn2", b"x")
    (root / "turn2").unlink()
    (root / "turn2").symlink_to(tmp_path / "outside" / "passwd")
    store.write("turn2", b"replaces the link")
    assert [blob.key for blob in store.list()] == ["inside/secret", "turn2"]
    assert list(store.list("link/")) == []
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["passwd"]
    assert (tmp_path / "outside" / "passwd").read_bytes() == b"secret"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "big-disk").mkdir()
    root.symlink_to(tmp_path / "big-disk")
    FileStore(root).write("a/b", b"x")
    assert (tmp_path / "big-disk" / "a" / "b").read_bytes() == b"x"


def test_what_is_no_blob_is_not_shown_and_cannot_hang_a_reader(root: Path) -> None:
    store = FileStore(root)
    store.write("a", b"x")
    os.mkfifo(root / "fifo")
    (root / "bad\nname").write_bytes(b"")
    (root / "back\\slash").write_bytes(b"")
    (root / b"not-utf8-\xff".decode(errors="surrogateescape")).write_bytes(b"")
    (root / "folder").mkdir()
    assert [blob.key for blob in store.list()] == ["a"]
    for key in ("fifo", "folder", "a/below"):
        with pytest.raises(BlobNotFound):
            store.read(key)
    store.delete("folder")
    assert (root / "folder").is_dir()


def test_a_blob_in_the_way_of_a_folder_is_named(root: Path) -> None:
    store = FileStore(root)
    store.write("a", b"x")
    store.write("folder/b", b"x")
    for key in ("a/b", "folder"):
        with pytest.raises(StorageError, match=rf"{key}: .*in the way"):
            store.write(key, b"y")
    assert hidden(root) == []


def test_6000_blobs_are_listed_in_order_and_lazily(root: Path) -> None:
    names = [f"{folder}/{index:06d}.jpg" for folder in ("frames", "styled") for index in range(3000)]
    for folder in ("frames", "styled"):
        (root / folder).mkdir(parents=True)
    for name in names:
        (root / name).touch()
    store = FileStore(root)
    assert [blob.key for blob in store.list()] == names
    listing = store.list()
    assert next(listing).key == names[0]
    for name in names[3000:]:
        (root / name).unlink()
    assert sum(1 for _ in listing) == 2999


def test_folders_go_with_their_last_blob(root: Path) -> None:
    store = FileStore(root)
    for key in ("runs/J/frames/1", "runs/J/frames/2", "runs/K/x"):
        store.write(key, b"")
    store.delete("runs/J/frames/1")
    assert (root / "runs/J/frames").is_dir()
    store.delete("runs/J/frames/2")
    assert not (root / "runs/J").exists()
    store.delete("runs/K/x")
    assert [path.name for path in root.iterdir()] == [".restyle"]


def test_writers_and_deleters_of_one_folder_do_not_disturb_each_other(root: Path) -> None:
    store, errors = FileStore(root), []

    def work(name: str) -> None:
        try:
            for _ in range(60):
                store.write(f"a/b/{name}", b"x")
                store.delete(f"a/b/{name}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(str(index),)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(store.list()) == []


_WRITER = """
import sys
from pathlib import Path
from restyle.storage.files import FileStore

class Endless:
    def read(self, size):
        print("reading", flush=True)
        return b"x" * size

FileStore(Path(sys.argv[1])).write("k", Endless())
"""


def test_a_killed_writer_leaves_the_old_blob_and_its_rest_is_swept_away(root: Path) -> None:
    FileStore(root).write("k", b"old")
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(root)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(3):
            writer.stdout.readline()
        FileStore(root)
        assert len(hidden(root)) == 1, "a living writer's file must not be swept away"
        writer.send_signal(signal.SIGKILL)
    store = FileStore(root)
    assert hidden(root) == []
    assert store.read("k") == b"old"
    assert [blob.key for blob in store.list()] == ["k"]


def _fill_the_disk(descriptor: int, data: bytes) -> None:
    """The real error of a full disk, from the device made for it."""
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - a device
        os.write(full.fileno(), data)


def test_a_full_disk_is_named_and_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(root)
    store.write("k", b"old")
    monkeypatch.setattr(files, "write_all", _fill_the_disk)
    with pytest.raises(StorageError, match=r"k: no space left.*free some"):
        store.write("k", b"new")
    assert hidden(root) == []
    assert store.read("k") == b"old"


def test_a_refused_folder_is_named(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        store = FileStore(folder)
        store.write("a", b"x")
        (folder / "secret").write_bytes(b"x")
        (folder / "secret").chmod(0)
        folder.chmod(0o555)
        with as_nobody():
            calls: list[Callable[[], object]] = [
                lambda: store.write("b/c", b"x"),
                lambda: store.create("b", b"x"),
                lambda: store.read("secret"),
                lambda: store.delete("a"),
            ]
            for call in calls:
                with pytest.raises(AccessDenied, match=str(folder)):
                    call()
            if os.getuid() != 0:
                assert store.read("a") == b"x"
        folder.chmod(0o755)


def test_create_has_one_winner_where_hard_links_are_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # as shares without hard links say

    monkeypatch.setattr(os, "link", refuse)
    store, won = FileStore(root), []

    def work(index: int) -> None:
        try:
            store.create("once", bytes([index]))
            won.append(index)
        except StorageError:
            pass

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read("once") == bytes(won)


def test_a_lock_never_given_back_ends_in_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WAIT_S", 0.2)
    store = FileStore(root)
    etag = store.write("k", b"old").etag
    with locks.locked(root, "k"), pytest.raises(StoreUnavailable, match="locked by another process"):
        store.replace("k", b"new", etag)
    assert store.replace("k", b"new", etag).size_bytes == 3


def test_other_users_may_read_what_is_written(root: Path) -> None:
    mask = os.umask(0o022)
    try:
        FileStore(root).write("k", b"x")
    finally:
        os.umask(mask)
    assert (root / "k").stat().st_mode & 0o777 == 0o644
