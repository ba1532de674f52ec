"""Uploads and downloads on both kinds of store: whole or not at all, gone on with where they ended, and proven."""

import fcntl
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from restyle import downloading, moving, uploading
from restyle.errors import (
    BlobChanged,
    BlobExists,
    BlobNotFound,
    KeyTaken,
    NothingToMove,
    SourceChanged,
    StoreUnavailable,
)
from restyle.storage import Store, open_store
from restyle.storage.pieces import PIECE_BYTES, piece_name, read_pieces
from tests.azurite import azurite
from tests.storage.conftest import container, spec, store

__all__ = ["azurite", "container", "spec", "store"]

KEY = "videos/long clip.mov"
COUNT = 4
SIZE = (COUNT - 1) * PIECE_BYTES + 12_345


class Interrupted(Exception):
    """What a test does to a transfer half way."""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Four pieces, two of them equal, one of nothing but zeros."""
    content = bytearray(random.Random(5).randbytes(SIZE))
    content[PIECE_BYTES : 2 * PIECE_BYTES] = bytes(PIECE_BYTES)
    content[2 * PIECE_BYTES : 3 * PIECE_BYTES] = content[:PIECE_BYTES]
    file = tmp_path / "long clip.mov"
    file.write_bytes(content)
    return file


@pytest.fixture
def moved(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pieces that went over to the store or came from it, as they do."""
    numbers: list[int] = []
    stage, read = store.stage, store.read

    def noting_stage(key: str, index: int, piece: bytes) -> None:
        stage(key, index, piece)
        numbers.append(index)

    def noting_read(key: str, start: int = 0, size: int | None = None) -> bytes:
        numbers.append(start // PIECE_BYTES)
        return read(key, start, size)

    monkeypatch.setattr(store, "stage", noting_stage)
    monkeypatch.setattr(store, "read", noting_read)
    return numbers


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Runs a transfer, one piece after another, that ends after its second piece, as Ctrl-C would end it."""

    def run(transfer: Callable[[], None]) -> None:
        said = iter(range(2))

        def end(_: str) -> None:
            if next(said) == 1:
                raise Interrupted

        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(moving, "THREADS", 1)
            patch.setattr(moving, "often", end)
            transfer()

    return run


def test_a_file_comes_back_as_it_went(store: Store, film: Path, tmp_path: Path) -> None:
    uploading.upload(store, film, KEY)
    assert store.stat(KEY).size_bytes == SIZE
    assert store.md5(KEY) == hashlib.md5(film.read_bytes(), usedforsecurity=False).hexdigest()
    downloading.download(store, KEY, tmp_path / "back.mov")
    assert (tmp_path / "back.mov").read_bytes() == film.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} <= {film.name, "back.mov", "store"}


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_files_of_every_size_are_moved(size: int, store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    uploading.upload(store, tmp_path / "file", "k")
    downloading.download(store, "k", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"x" * size


def test_an_interrupted_upload_shows_nothing_and_goes_on_where_it_was(
    store: Store, film: Path, moved: list[int], interrupted: Callable[[Callable[[], None]], None]
) -> None:
    interrupted(lambda: uploading.upload(store, film, KEY))
    sent = set(moved)
    assert 2 <= len(sent) < COUNT
    assert list(store.list()) == []
    moved.clear()
    uploading.upload(store, film, KEY)
    assert sorted(moved) == sorted(set(range(COUNT)) - sent)
    assert store.read(KEY) == film.read_bytes()


def test_what_is_there_of_another_file_is_not_gone_on_with(
    store: Store, film: Path, moved: list[int], interrupted: Callable[[Callable[[], None]], None]
) -> None:
    interrupted(lambda: uploading.upload(store, film, KEY))
    other = bytearray(film.read_bytes()[: SIZE - PIECE_BYTES])
    other[PIECE_BYTES // 2] ^= 1  # in the first piece, which the store keeps of the file as it was
    film.write_bytes(other)
    moved.clear()
    uploading.upload(store, film, KEY)
    assert 0 in moved
    assert store.read(KEY) == bytes(other)


def test_an_interrupted_download_shows_nothing_and_goes_on_where_it_was(
    store: Store, film: Path, moved: list[int], tmp_path: Path, interrupted: Callable[[Callable[[], None]], None]
) -> None:
    uploading.upload(store, film, KEY)
    moved.clear()
    target = tmp_path / "back.mov"
    interrupted(lambda: downloading.download(store, KEY, target))
    came = set(moved)
    assert 2 <= len(came) < COUNT
    assert not target.exists()
    moved.clear()
    downloading.download(store, KEY, target)
    assert sorted(moved) == sorted(set(range(COUNT)) - came)
    assert target.read_bytes() == film.read_bytes()


def test_a_piece_that_was_damaged_on_disk_is_fetched_again(
    store: Store, film: Path, moved: list[int], tmp_path: Path, interrupted: Callable[[Callable[[], None]], None]
) -> None:
    uploading.upload(store, film, KEY)
    moved.clear()
    target = tmp_path / "back.mov"
    interrupted(lambda: downloading.download(store, KEY, target))
    came = sorted(set(moved))
    (part,) = tmp_path.glob(".restyle-*.part")
    with part.open("r+b") as file:
        file.seek(came[0] * PIECE_BYTES + 5)
        file.write(b"damage")
    moved.clear()
    downloading.download(store, KEY, target)
    assert sorted(moved) == sorted({came[0], *(set(range(COUNT)) - set(came))})
    assert target.read_bytes() == film.read_bytes()


def test_a_download_begins_anew_where_the_blob_was_replaced(
    store: Store, film: Path, moved: list[int], tmp_path: Path, interrupted: Callable[[Callable[[], None]], None]
) -> None:
    uploading.upload(store, film, KEY)
    target = tmp_path / "back.mov"
    interrupted(lambda: downloading.download(store, KEY, target))
    other = film.read_bytes()[::-1]
    store.write(KEY, other)
    moved.clear()
    downloading.download(store, KEY, target)
    assert sorted(moved) == list(range(COUNT))
    assert target.read_bytes() == other


def test_a_blob_replaced_in_the_middle_of_its_download_is_refused(
    store: Store, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploading.upload(store, film, KEY)
    replaced = iter([True])

    def replace_once(_: str) -> None:
        if next(replaced, False):
            store.write(KEY, film.read_bytes()[::-1])

    monkeypatch.setattr(moving, "often", replace_once)
    with pytest.raises(BlobChanged, match="was replaced while"):
        downloading.download(store, KEY, tmp_path / "back.mov")
    assert not (tmp_path / "back.mov").exists()


def test_what_is_there_already_is_not_moved_again(store: Store, film: Path, moved: list[int], tmp_path: Path) -> None:
    uploading.upload(store, film, KEY)
    downloading.download(store, KEY, tmp_path / "back.mov")
    moved.clear()
    uploading.upload(store, film, KEY)
    downloading.download(store, KEY, tmp_path / "back.mov")
    assert moved == []


def test_another_file_under_the_key_is_never_replaced(store: Store, film: Path) -> None:
    store.write(KEY, b"first")
    with pytest.raises(KeyTaken, match="--to"):
        uploading.upload(store, film, KEY)
    assert store.read(KEY) == b"first"


def test_a_blob_that_appears_during_an_upload_is_not_replaced_either(
    store: Store, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "often", lambda _: store.write(KEY, b"quicker"))
    with pytest.raises(BlobExists):
        uploading.upload(store, film, KEY)
    assert store.read(KEY) == b"quicker"


def test_a_file_that_changes_during_its_upload_is_refused(
    store: Store, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "THREADS", 1)
    monkeypatch.setattr(moving, "often", lambda _: film.write_bytes(bytes(SIZE)))
    with pytest.raises(SourceChanged):
        uploading.upload(store, film, KEY)
    assert list(store.list()) == []


def test_pieces_become_a_blob_only_when_all_are_there(store: Store, film: Path) -> None:
    with film.open("rb") as stream:
        pieces = read_pieces(stream)
    content = film.read_bytes()
    for index in range(COUNT - 1):
        store.stage(KEY, index, content[index * PIECE_BYTES :][:PIECE_BYTES])
    assert store.staged(KEY) == set(pieces.names[:-1])
    with pytest.raises(StoreUnavailable):
        store.commit(KEY, pieces)
    with pytest.raises(BlobNotFound):
        store.stat(KEY)
    store.stage(KEY, COUNT - 1, content[(COUNT - 1) * PIECE_BYTES :])
    assert store.commit(KEY, pieces).size_bytes == SIZE


def test_a_piece_damaged_in_a_folder_before_it_became_a_blob_is_found_and_sent_again(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store((tmp_path / "store").as_uri())
    sent: list[int] = []
    stage = store.stage

    def damaging(key: str, index: int, piece: bytes) -> None:
        sent.append(index)
        stage(key, index, b"?" + piece[1:] if index == 2 and sent.count(2) == 1 else piece)

    monkeypatch.setattr(store, "stage", damaging)
    uploading.upload(store, film, KEY)
    assert sorted(sent) == sorted([*range(COUNT), 2])
    assert store.read(KEY) == film.read_bytes()
    assert list((tmp_path / "store/.restyle/staged").iterdir()) == []


def test_two_downloads_into_one_file_do_not_meet(store: Store, tmp_path: Path) -> None:
    store.write("k", b"content")
    name = hashlib.sha256(b"back").hexdigest()[:16]
    with (tmp_path / f".restyle-{name}.journal").open("wb") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        with pytest.raises(Exception, match="another download"):
            downloading.download(store, "k", tmp_path / "back")
    downloading.download(store, "k", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"content"


def test_what_cannot_be_moved_is_named(store: Store, tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "none"):
        with pytest.raises(NothingToMove, match="no"):
            uploading.upload(store, file, KEY)
    with pytest.raises(NothingToMove, match="videos/none"):
        downloading.download(store, "videos/none", tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] in ([], ["store"])


def test_names_of_pieces_tell_place_and_content_apart() -> None:
    names = {piece_name(index, piece) for index in (0, 1, 49_999) for piece in (b"", b"a", b"b")}
    assert len(names) == 9
    assert {len(name) for name in names} == {32}
