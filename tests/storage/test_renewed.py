"""A SAS that ended or was rotated is replaced where its store asks for it, and by nothing else. On a real Azurite."""

import hashlib
import io
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from restyle.errors import AccessDenied, BlobNotFound
from restyle.storage import Store, open_store
from restyle.storage.pieces import Pieces
from restyle.storage.renewed import RenewedStore
from tests.azurite import Azurite

ENDED = timedelta(minutes=-5)
EMPTY_MD5 = hashlib.md5(b"").hexdigest()


class Block:
    """What names the store, as a block of the Prefect server would: it can be saved anew."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.spec


@pytest.fixture
def full(azurite: Azurite, container: str) -> Store:
    store = open_store(azurite.connection_string(container))
    for name in ("a", "b", "c"):
        store.write(name, name.encode())
    return store


@pytest.fixture
def block(azurite: Azurite, container: str, full: Store) -> Block:
    return Block(azurite.container_url(container, "rwdlc", lifetime=ENDED))


DEEDS: dict[str, Callable[[Store, Path], object]] = {
    "stat": lambda store, folder: store.stat("a"),
    "read": lambda store, folder: store.read("a") == b"a",
    "download": lambda store, folder: store.download("a", folder / "a"),
    "write": lambda store, folder: store.write("new", b"x"),
    "stream": lambda store, folder: store.write("long", io.BytesIO(b"y" * (9 << 20))),
    "stage": lambda store, folder: store.stage("long", 0, b"x") is None,  # type: ignore[func-returns-value]
    "staged": lambda store, folder: store.staged("long") == frozenset(),
    "commit": lambda store, folder: store.commit("new", Pieces(names=(), size_bytes=0, md5=EMPTY_MD5)),
    "md5": lambda store, folder: store.md5("a") == hashlib.md5(b"a").hexdigest(),
    "create": lambda store, folder: store.create("new", b"x"),
    "replace": lambda store, folder: store.replace("a", b"x", store.stat("a").etag),
    "list": lambda store, folder: [blob.key for blob in store.list()] == ["a", "b", "c"],
    "delete": lambda store, folder: store.delete("a") is None,  # type: ignore[func-returns-value]
}


@pytest.mark.parametrize("deed", sorted(DEEDS))
def test_a_sas_that_was_renewed_meanwhile_is_used_by_every_deed(
    deed: str, azurite: Azurite, block: Block, full: Store, container: str, tmp_path: Path
) -> None:
    store = RenewedStore(block)
    with pytest.raises(AccessDenied, match="the SAS ended"):
        DEEDS[deed](store, tmp_path)
    block.spec = azurite.container_url(container, "rwdlc")
    assert DEEDS[deed](store, tmp_path)
    if deed == "stream":
        assert full.stat("long").size_bytes == 9 << 20


def test_a_right_that_is_missing_is_told_and_not_looked_for_twice(azurite: Azurite, block: Block, full: Store) -> None:
    store = RenewedStore(block)
    block.spec = azurite.container_url(block.spec.partition("?")[0].rpartition("/")[2], "r")
    assert store.read("a") == b"a"
    asked = block.asked
    with pytest.raises(AccessDenied, match=r"a SAS needs 'w' \(write\)"):
        store.write("a", b"x")
    assert block.asked == asked + 1
    with pytest.raises(BlobNotFound):
        store.read("none")
    assert block.asked == asked + 1


def test_a_listing_refused_half_way_goes_on_without_doubles(
    azurite: Azurite, block: Block, full: Store, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restyle.storage.azure.PAGE_BLOBS", 1)
    block.spec = azurite.container_url(container, "l")
    store = RenewedStore(block)
    listing = store.list()
    first = next(listing).key
    refused = store._store
    block.spec = azurite.container_url(container, "rl")
    monkeypatch.setattr(type(refused), "_call", _refusing(type(refused)._call, refused))  # type: ignore[attr-defined]
    assert [first, *(blob.key for blob in listing)] == ["a", "b", "c"]
    assert store._store is not refused


def _refusing(call: Callable[..., object], refused: Store) -> Callable[..., object]:
    """As the service does it to a SAS that has ended."""

    def answer(self: Store, *words: object) -> object:
        if self is refused:
            raise AccessDenied("the SAS ended")
        return call(self, *words)

    return answer


def test_many_threads_that_are_refused_together_ask_once(
    azurite: Azurite, block: Block, full: Store, container: str
) -> None:
    store = RenewedStore(block)
    block.spec = azurite.container_url(container, "r")
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: store.read("a"), range(64))) == {b"a"}
    assert block.asked == 2


def test_it_holds_a_secret_and_is_never_pickled(block: Block) -> None:
    store = RenewedStore(block)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(store)
    assert "sig" not in repr(store)
