"""What every store promises, run against a folder and against a real Azurite."""

import hashlib
import io
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restyle.errors import BadKey, BlobChanged, BlobExists, BlobNotFound, StoreUnavailable
from restyle.storage import Store
from restyle.storage.pieces import Pieces
from tests.storage.test_keys import keys

T = TypeVar("T")
MIB = 1 << 20


class Generated(io.RawIOBase):
    """A stream of known bytes that is never whole in memory, and gives less than asked, as pipes do."""

    def __init__(self, size: int, fails_at: int | None = None) -> None:
        super().__init__()
        self.left, self.fails_at = size, fails_at
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        if self.fails_at is not None and self.left <= self.fails_at:
            raise RuntimeError("the source broke")
        piece = (self.left.to_bytes(8, "big") * (100_000 // 8))[: min(size, self.left, 100_000)]
        self.left -= len(piece)
        self.digest.update(piece)
        return piece


def at_once(count: int, work: Callable[[int], T]) -> list[T | BaseException]:
    """Results or errors of ``count`` threads that begin together."""
    gate = threading.Barrier(count)

    def one(index: int) -> T:
        gate.wait()
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(one, index) for index in range(count)]
    return [future.exception() or future.result() for future in futures]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_written_blob_is_read_back_with_its_size_and_etag(store: Store) -> None:
    written = store.write("a/b.bin", b"hello")
    assert store.read("a/b.bin") == b"hello"
    assert store.stat("a/b.bin") == written
    assert (written.key, written.size_bytes) == ("a/b.bin", 5)
    assert list(store.list()) == [written]


def test_ranges_are_clipped_at_the_end_of_the_blob(store: Store) -> None:
    store.write("k", b"0123456789")
    assert store.read("k", 2, 3) == b"234"
    assert store.read("k", 8, 100) == b"89"
    assert store.read("k", 7) == b"789"
    assert store.read("k", 0, 0) == b""
    assert store.read("k", 10, 1) == store.read("k", 99) == b""
    for start, size in ((-1, None), (0, -1)):
        with pytest.raises(ValueError, match="negative"):
            store.read("k", start, size)


def test_an_empty_blob_is_a_blob(store: Store, tmp_path: Path) -> None:
    assert store.write("empty", b"").size_bytes == 0
    assert store.write("streamed", io.BytesIO()).size_bytes == 0
    assert store.read("empty") == store.read("empty", 0, 5) == b""
    assert store.download("streamed", tmp_path / "file").size_bytes == 0
    assert (tmp_path / "file").read_bytes() == b""


def test_a_write_replaces_and_changes_the_etag(store: Store) -> None:
    etags = {store.write("k", data).etag for data in (b"one", b"two", b"two", b"six")}
    assert len(etags) == 4
    assert store.read("k") == b"six"


@pytest.mark.parametrize("size", [8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 7])
def test_sizes_around_a_block_go_round_as_bytes_and_as_a_stream(store: Store, size: int, tmp_path: Path) -> None:
    data = Generated(size)
    assert store.write("streamed", data).size_bytes == size  # type: ignore[arg-type]  # RawIOBase serves as BinaryIO
    assert store.download("streamed", tmp_path / "file").size_bytes == size
    assert digest(tmp_path / "file") == data.digest.hexdigest()
    whole = store.read("streamed")
    assert store.write("bytes", whole).size_bytes == size
    assert store.read("bytes", size - 5 * MIB, 4 * MIB + 3) == whole[size - 5 * MIB :][: 4 * MIB + 3]


_STREAM = """
import resource, sys
from pathlib import Path
from restyle.storage import open_store
from tests.storage.test_contract import MIB, Generated, digest

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

store, file = open_store(sys.argv[1]), Path(sys.argv[2])
store.write("small", b"x")
store.download("small", file)
before, data = peak(), Generated(128 * MIB)
store.write("big", data)
store.download("big", file)
assert digest(file) == data.digest.hexdigest()
print(peak() - before)
"""


def test_128_mib_are_streamed_in_48_of_memory(spec: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _STREAM, spec, str(tmp_path / "file")]
    grown_kib = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert 0 <= grown_kib < 48 * 1024


def test_a_source_that_breaks_leaves_the_old_blob_and_raises_its_own_error(store: Store) -> None:
    store.write("k", b"old")
    with pytest.raises(RuntimeError, match="the source broke"):
        store.write("k", Generated(20 * MIB, fails_at=3 * MIB))  # type: ignore[arg-type]  # as above
    with pytest.raises(RuntimeError, match="the source broke"):
        store.write("new", Generated(20 * MIB, fails_at=3 * MIB))  # type: ignore[arg-type]  # as above
    assert [blob.key for blob in store.list()] == ["k"]
    assert store.read("k") == b"old"


def test_a_reader_meets_whole_blobs_while_they_are_replaced(store: Store) -> None:
    versions = [bytes([letter]) * size for letter, size in ((65, 5 * MIB), (66, 9 * MIB), (67, 10))]
    store.write("k", versions[0])
    over = threading.Event()

    def read(_: int) -> int:
        seen = 0
        while not over.is_set():
            try:
                assert store.read("k") in versions
                seen += 1
            except StoreUnavailable:  # replaced between two ranges: noticed, not mixed
                continue
        return seen

    def write(_: int) -> int:
        for turn in range(12):
            store.write("k", versions[turn % 3])
        over.set()
        return 1

    results = at_once(3, lambda index: write(index) if index == 0 else read(index))
    assert [error for error in results if isinstance(error, BaseException)] == []
    assert store.read("k") == versions[11 % 3]


class Interrupted(io.BytesIO):
    """A stream in the midst of whose reading something else happens."""

    def __init__(self, data: bytes, meanwhile: Callable[[], object]) -> None:
        super().__init__(data)
        self.meanwhile = meanwhile

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() == 8 * MIB:
            self.meanwhile()
        return super().read(size)


def test_streams_racing_for_one_key_never_mix(store: Store) -> None:
    slow, quick = b"A" * (17 * MIB), b"B" * (17 * MIB)
    try:
        store.write("k", Interrupted(slow, lambda: store.write("k", io.BytesIO(quick))))
        expected = slow
    except StoreUnavailable:  # the quick one's blocks took the place of the slow one's: noticed
        expected = quick
    assert store.read("k") == expected


def test_of_16_racing_creators_one_wins_and_its_bytes_stay(store: Store) -> None:
    results = at_once(16, lambda index: store.create("once", bytes([index]) * 1000))
    winners = [index for index, result in enumerate(results) if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(result, BlobExists) for result in results if isinstance(result, BaseException))
    assert store.read("once") == bytes(winners) * 1000


def test_create_refuses_a_key_that_is_taken_and_takes_it_again_once_deleted(store: Store) -> None:
    store.write("k", b"old")
    with pytest.raises(BlobExists, match="k"):
        store.create("k", b"new")
    assert store.read("k") == b"old"
    store.delete("k")
    assert store.create("k", b"new") == store.stat("k")


def test_of_16_replacers_of_one_version_one_wins(store: Store) -> None:
    etag = store.write("k", b"old").etag
    results = at_once(16, lambda index: store.replace("k", bytes([index]), etag))
    winners = [index for index, result in enumerate(results) if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(result, BlobChanged) for result in results if isinstance(result, BaseException))
    assert store.read("k") == bytes(winners)


def test_a_counter_kept_by_replace_loses_no_step(store: Store) -> None:
    store.write("count", b"0")

    def count(_: int) -> None:
        for _ in range(5):
            while True:
                before = store.stat("count")
                try:
                    store.replace("count", str(int(store.read("count")) + 1).encode(), before.etag)
                    break
                except BlobChanged:
                    continue

    assert at_once(4, count) == [None] * 4
    assert store.read("count") == b"20"


def test_replace_refuses_a_stale_or_missing_version(store: Store) -> None:
    first = store.write("k", b"1")
    second = store.replace("k", b"2", first.etag)
    with pytest.raises(BlobChanged, match="k"):
        store.replace("k", b"3", first.etag)
    assert store.read("k") == b"2"
    store.delete("k")
    with pytest.raises(BlobChanged):
        store.replace("k", b"3", second.etag)
    assert list(store.list()) == []


def test_blobs_are_listed_in_key_order_by_prefix(store: Store) -> None:
    names = ["a/b/c", "a/b-c", "a/b.c", "a/b/d/e", "a/bc", "ab", "z", "Z", "a/b0", "ü", "runs/1/x", "runs/10/x"]
    for name in names:
        store.write(name, name.encode())
    for prefix in ("", "a", "a/", "a/b", "a/b/", "a/b/d/e", "runs/1", "runs/1/", "nothing/", "z/"):
        found = list(store.list(prefix))
        assert [blob.key for blob in found] == sorted(name for name in names if name.startswith(prefix)), prefix
        assert all(blob == store.stat(blob.key) for blob in found)


def test_delete_is_idempotent_and_leaves_the_others(store: Store) -> None:
    store.write("a/b/c", b"1")
    store.write("a/d", b"2")
    for _ in range(2):
        store.delete("a/b/c")
        store.delete("never/was")
    assert [blob.key for blob in store.list()] == ["a/d"]
    store.write("a/b/c", b"3")
    assert store.read("a/b/c") == b"3"


def test_delete_of_a_version_spares_every_other(store: Store) -> None:
    first = store.write("a/k", b"1")
    second = store.write("a/k", b"2")
    with pytest.raises(BlobChanged, match="k"):
        store.delete("a/k", first.etag)
    assert store.read("a/k") == b"2"
    store.delete("a/k", second.etag)
    assert list(store.list()) == []
    with pytest.raises(BlobChanged):
        store.delete("a/k", second.etag)


def test_a_version_tells_contents_of_one_key_apart(store: Store) -> None:
    versions = {store.write("k", data).version for data in (b"1", b"2", b"1")}
    assert len(versions) == 3
    assert store.stat("k").version in versions


def test_a_store_not_made_yet_is_empty(store: Store, tmp_path: Path) -> None:
    assert list(store.list()) == list(store.list("a/b")) == []
    store.delete("k")
    for ask in (lambda: store.stat("k"), lambda: store.read("k", 0, 0), lambda: store.download("k", tmp_path / "k")):
        with pytest.raises(BlobNotFound, match="k"):
            ask()
    with pytest.raises(BlobChanged):
        store.replace("k", b"", "1-2-3")
    assert store.create("k", b"1").size_bytes == 1


def test_a_failed_download_leaves_nothing_and_a_good_one_replaces(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "out" / "file"
    target.parent.mkdir()
    target.write_bytes(b"old")
    with pytest.raises(BlobNotFound):
        store.download("k", target)
    assert target.read_bytes() == b"old"
    store.write("k", b"new")
    store.download("k", target)
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    "key", ["", "/a", "../a", "a/../b", "a//b", "a/", "a\\b", "a\nb", ".restyle/tmp/x", "x" * 1025]
)
def test_no_method_takes_a_bad_key(store: Store, key: str, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.stat(key),
        lambda: store.read(key),
        lambda: store.download(key, tmp_path / "x"),
        lambda: store.write(key, b""),
        lambda: store.create(key, b""),
        lambda: store.replace(key, b"", "e"),
        lambda: store.stage(key, 0, b""),
        lambda: store.staged(key),
        lambda: store.commit(key, Pieces(names=(), size_bytes=0, md5="")),
        lambda: store.md5(key),
        lambda: store.delete(key),
        lambda: store.url(key),
    ]
    for call in calls:
        with pytest.raises(BadKey):
            call()
    if key not in ("", "a/"):
        with pytest.raises(BadKey):
            store.list(key)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys(), data=st.binary(max_size=64))
def test_any_key_within_the_rules_goes_round(store: Store, key: str, data: bytes) -> None:
    written = store.write(key, data)
    assert store.read(key) == data
    assert list(store.list(key[:-1])) == [written]
    store.delete(key)
    assert list(store.list()) == []
