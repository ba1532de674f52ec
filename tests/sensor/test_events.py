"""The sensor told by Event Grid's messages, on real queues and containers of Azurite."""

import base64
import json
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue import QueueClient, QueueSasPermissions, generate_queue_sas
from hypothesis import given
from hypothesis import strategies as st

from restyle.azurite import ACCOUNT, ACCOUNT_KEY
from restyle.errors import AccessDenied, BadSetting, ServerUnavailable, StorageError
from restyle.order import VideoOrder
from restyle.sensor import Sensor
from restyle.sensor.drops import container_of
from restyle.sensor.events import MOST_TRIES, Heard, key_of, listen
from restyle.storage import Store, open_store
from restyle.storage.queue import DEAD_LETTERS, open_queue
from tests.azurite import Azurite, azurite, queues
from tests.sensor.conftest import keys
from tests.sensor.taking import Server

__all__ = ["azurite", "queues"]

ORDER = b'{"video": "videos/clip.mp4", "style": "wave"}'


def event(container: str, key: str, kind: str = "Microsoft.Storage.BlobCreated", cloud: bool = False) -> dict[str, Any]:
    """What Event Grid says of a blob, in its own schema or as a CloudEvent."""
    subject = f"/blobServices/default/containers/{container}/blobs/{key}"
    told = {"api": "PutBlob", "blobType": "BlockBlob", "eTag": "0x8DC", "url": f"https://a/{container}/{key}"}
    if cloud:
        return {"specversion": "1.0", "type": kind, "source": "/subscriptions/s", "subject": subject, "data": told}
    return {"topic": "/subscriptions/s", "eventType": kind, "subject": subject, "id": "i", "data": told}


def sent(told: object) -> str:
    """As Event Grid puts it into a queue."""
    return base64.b64encode(json.dumps(told).encode()).decode()


class Grid:
    """A container, and the queue to which its events go."""

    def __init__(self, blobs: Azurite, queues: Azurite) -> None:
        name = uuid.uuid4().hex
        self.spec = queues.queue(name)
        self.data = open_store(blobs.connection_string(f"data-{name}"))
        self.control = open_store(blobs.connection_string(f"control-{name}"))
        self.container = container_of(self.data)
        account = self.spec.rpartition(";QueueName=")[0]
        self.queue, self.dead = (
            QueueClient.from_connection_string(account, each, api_version="2025-11-05")
            for each in (name, name + DEAD_LETTERS)
        )
        self.queue.create_queue()
        self.server = Server()

    def sensor(self) -> Sensor:
        return Sensor(self.data, self.control, self.server.start)

    def tell(self, key: str, times: int = 1) -> None:
        for number in range(times):
            self.queue.send_message(sent(event(self.container, key, cloud=bool(number % 2))))

    def drain(self, sensor: Sensor, hidden_s: int = 30) -> list[Heard]:
        """Listen until nothing comes any more."""
        heard = [listen(sensor, open_queue(self.spec), self.container, hidden_s)]
        while heard[-1] != Heard():
            heard.append(listen(sensor, open_queue(self.spec), self.container, hidden_s))
        return heard


@pytest.fixture
def grid(azurite: Azurite, queues: Azurite) -> Iterator[Grid]:
    made = Grid(azurite, queues)
    with made.queue, made.dead:
        yield made


def test_events_told_three_times_in_any_order_to_two_sensors_are_one_run_each(grid: Grid) -> None:
    grid.data.write("videos/clip.mp4", b"video")
    dropped = [f"triggers/{number}.json" for number in range(15)] + ["inbox/wave/my clip.mp4"]
    for key in dropped:
        grid.data.write(key, ORDER)
    told = dropped * 3
    random.Random(1).shuffle(told)
    for key in told:
        grid.tell(key)
    with ThreadPoolExecutor(2) as pool:
        heard = [each for each_of in pool.map(grid.drain, [grid.sensor(), grid.sensor()]) for each in each_of]
    assert sum(each.handled for each in heard) == len(told)
    assert len(grid.server.runs) == len(keys(grid.control, "receipts/")) == len(dropped)
    assert sorted(set(grid.server.videos)) == ["inbox/wave/my clip.mp4", "videos/clip.mp4"]
    assert grid.sensor().sweep().started == 0


def test_an_event_that_comes_late_is_about_what_is_there_now(grid: Grid) -> None:
    grid.data.write("videos/old.mp4", b"video")
    grid.data.write("videos/new.mp4", b"video")
    grid.data.write("triggers/job.json", b'{"video": "videos/old.mp4", "style": "wave"}')
    grid.data.write("triggers/job.json", b'{"video": "videos/new.mp4", "style": "wave"}')
    grid.data.write("inbox/wave/growing.mp4", b"")
    for key in ("triggers/job.json", "triggers/job.json", "triggers/gone.json", "inbox/wave/growing.mp4"):
        grid.tell(key)
    grid.tell("runs/J/frames/00000000.jpg")
    assert grid.drain(grid.sensor()) == [Heard(handled=5), Heard()]
    assert grid.server.videos == ["videos/new.mp4"]


def test_a_message_is_kept_until_the_run_is_started(grid: Grid) -> None:
    grid.data.write("inbox/wave/a.mp4", b"video")
    grid.tell("inbox/wave/a.mp4")

    def away(_: VideoOrder) -> None:
        raise ServerUnavailable("away")

    sensor = grid.sensor()
    grid.server.before = away
    assert grid.drain(sensor, hidden_s=1)[0] == Heard(left=1)
    grid.server.before = lambda _: None
    time.sleep(1.1)
    assert grid.drain(sensor, hidden_s=1) == [Heard(handled=1), Heard()]
    assert grid.server.videos == ["inbox/wave/a.mp4"]


def test_poison_goes_to_the_dead_letters_after_five_tries_and_holds_up_nothing(grid: Grid) -> None:
    grid.data.write("inbox/wave/a.mp4", b"video")
    poison = [
        "no base64!",
        base64.b64encode(b"no json").decode(),
        sent([1]),
        sent({"eventType": "x"}),
        sent("[" * 9000),
    ]
    for text in poison:
        grid.queue.send_message(text)
    grid.tell("inbox/wave/a.mp4")
    sensor, queue = grid.sensor(), open_queue(grid.spec)
    heard = []
    for _ in range(MOST_TRIES + 1):
        heard.append(listen(sensor, queue, grid.container, hidden_s=1))
        time.sleep(1.1)
    assert heard[0] == Heard(handled=1, left=len(poison))
    assert heard[1:-1] == [Heard(left=len(poison))] * (MOST_TRIES - 1)
    assert heard[-1] == Heard(buried=len(poison))
    assert listen(sensor, queue, grid.container) == Heard()
    assert sorted(m.content for m in grid.dead.receive_messages(max_messages=32)) == sorted(poison)
    assert grid.server.videos == ["inbox/wave/a.mp4"]


def test_a_message_that_another_reader_has_by_now_is_left_to_it(grid: Grid) -> None:
    grid.tell("triggers/a.json")
    queue = open_queue(grid.spec)
    [late] = queue.receive(hidden_s=1)
    time.sleep(1.1)
    [again] = queue.receive(hidden_s=30)
    assert (late.tries, again.tries) == (1, 2)
    queue.delete(late)
    queue.delete(again)
    queue.delete(again)
    assert grid.queue.get_queue_properties().approximate_message_count == 0


def test_events_of_other_containers_and_of_other_kinds_are_no_news() -> None:
    assert key_of(sent(event("data", "inbox/wave/ü b.mp4")), "data") == "inbox/wave/ü b.mp4"
    assert key_of(json.dumps(event("data", "a/b", cloud=True)), "data") == "a/b"
    assert key_of(sent(event("data", "a/b", "Microsoft.Storage.BlobRenamed")), "data") == "a/b"
    assert key_of(sent(event("other", "a/b")), "data") is None
    assert key_of(sent(event("data", "a/b", "Microsoft.Storage.BlobDeleted")), "data") is None


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()) | st.from_type(object).map(str))
def test_whatever_a_message_holds_is_a_key_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        key_of(text, "data")


def test_a_queue_is_read_with_a_signature_or_refused_in_words_that_hold_none(grid: Grid, queues: Azurite) -> None:
    grid.tell("triggers/a.json")
    name, soon = grid.queue.queue_name, datetime.now(UTC) + timedelta(hours=1)
    rights = {"good": QueueSasPermissions(read=True, process=True), "poor": QueueSasPermissions(add=True)}
    specs = {
        kind: f"{queues.url}/{ACCOUNT}/{name}?{generate_queue_sas(ACCOUNT, name, ACCOUNT_KEY, right, soon)}"
        for kind, right in rights.items()
    }
    assert len(open_queue(specs["good"]).receive(hidden_s=30)) == 1
    for spec, kind in ((specs["poor"], AccessDenied), (queues.queue("never-made"), StorageError)):
        with pytest.raises(kind, match="queue") as refused:
            open_queue(spec).receive(hidden_s=30)
        assert "sig=" not in str(refused.value)
        assert ACCOUNT_KEY not in str(refused.value)


@pytest.mark.parametrize(
    "spec",
    [
        "https://account.queue.core.windows.net/",
        "ftp://account/queue",
        "http://elsewhere/account/queue?sig=planted",
        "http://127.0.0.1:10001/account/queue",
        "https://account.queue.core.windows.net/No_Queue?sig=planted",
        "AccountName=a;AccountKey=planted",
        "QueueEndpoint=http://elsewhere/a;AccountName=a;AccountKey=planted;QueueName=queue",
        "Account=planted;QueueName=queue",
        "https://[planted",
    ],
)
def test_what_names_no_queue_is_refused_without_a_word_of_it(spec: str) -> None:
    with pytest.raises(BadSetting) as refused:
        open_queue(spec)
    assert "planted" not in str(refused.value)


def test_a_folder_has_no_events(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Store = open_store(tmp_path_factory.mktemp("data").as_uri())
    with pytest.raises(BadSetting, match="RESTYLE_EVENT_QUEUE"):
        container_of(folder)
