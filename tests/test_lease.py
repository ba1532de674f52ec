"""One holder at a time; a silent one is replaced, a living one is not."""

import threading
import time
from pathlib import Path

import pytest

from restyle.errors import BlobNotFound
from restyle.lease import lease
from restyle.storage import Store, open_store

KEY = "styles/one.lease"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path.as_uri())


def always() -> bool:
    return True


def test_of_many_only_one_holds_a_lease_at_a_time_and_each_gets_its_turn(store: Store) -> None:
    inside: list[str] = []
    most: list[int] = []

    def work(name: str) -> None:
        with lease(store, KEY, name, always) as held:
            assert held
            inside.append(name)
            most.append(len(inside))
            time.sleep(0.05)
            inside.remove(name)

    threads = [threading.Thread(target=work, args=(f"worker {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
    with pytest.raises(BlobNotFound):
        store.stat(KEY)


def test_a_silent_lease_is_taken_over_and_a_beating_one_is_not(store: Store) -> None:
    store.create(KEY, b"a process that was killed")
    with lease(store, KEY, "heir", always, beat_s=0.2, stale_s=4.0) as held:
        assert held
        deadline = time.monotonic() + 8
        with lease(store, KEY, "rival", lambda: time.monotonic() < deadline, stale_s=4.0) as second:
            assert not second
        assert store.read(KEY) == b"heir"


def test_the_owner_of_a_lease_that_was_killed_takes_it_again_at_once(store: Store) -> None:
    store.create(KEY, b"me")
    began = time.monotonic()
    with lease(store, KEY, "me", always, stale_s=3600) as held:
        assert held
    assert time.monotonic() - began < 60


def test_waiting_ends_when_the_thing_is_done(store: Store) -> None:
    store.create(KEY, b"another")
    with lease(store, KEY, "me", lambda: False) as held:
        assert not held
    assert store.read(KEY) == b"another"


def test_a_lease_that_was_lost_is_left_to_its_new_holder(store: Store) -> None:
    with lease(store, KEY, "sleeper", always, beat_s=0.1):
        store.write(KEY, b"new holder")
        time.sleep(0.4)
    assert store.read(KEY) == b"new holder"
