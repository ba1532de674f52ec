"""What the sensor promises, on a folder and on a real Azurite."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from restyle.errors import BlobNotFound, OrderRefused, ServerUnavailable, StoreUnavailable
from restyle.layout import receipt
from restyle.order import VideoOrder
from restyle.sensor import Receipt, Sensor, Sweep
from restyle.sensor.drops import drop_id
from restyle.storage import BlobInfo, Store, open_store
from tests.sensor.conftest import Drop, age, keys
from tests.sensor.taking import Server


def receipts(control: Store) -> list[Receipt]:
    return [Receipt.model_validate_json(control.read(key)) for key in keys(control, "receipts/")]


def test_a_trigger_becomes_the_run_it_asks_for_and_a_receipt(
    data: Store, control: Store, sensor: Sensor, server: Server, drop: Drop
) -> None:
    data.write("videos/clip.mp4", b"video")
    drop("job", video="videos/clip.mp4", style="wave:0.5,starry_night:0.5", strength=0.5, codec="av1")
    assert sensor.sweep() == Sweep(started=1)
    wished = VideoOrder(video="videos/clip.mp4", style="wave:0.5,starry_night:0.5", strength=0.5, codec="av1")
    assert server.orders == [wished]
    [kept] = receipts(control)
    [(run, _)] = server.runs.values()
    assert (kept.blob, kept.version) == ("triggers/job.json", data.stat("triggers/job.json").version)
    assert (kept.run, kept.order, kept.reason) == (run, wished, None)


def test_a_video_in_the_folder_of_a_style_is_painted_in_it(data: Store, sensor: Sensor, server: Server) -> None:
    dropped = ["inbox/wave/a.mp4", "inbox/starry_night:0.6,wave:0.4/day 2/b.mov", "inbox/ölbild/c"]
    left_alone = ["inbox/wave/.DS_Store", "inbox/wave/.hidden/d.mp4", "inbox/wave/e.mp4.part", "inbox/f.mp4"]
    left_alone += ["videos/g.mp4", "triggers/readme.txt", "triggers/sub/h.json", "triggers/.i.json", "x.json"]
    for key in dropped + left_alone:
        data.write(key, b"video")
    data.write("inbox/wave/empty.mp4", b"")
    assert sensor.sweep().started == 3
    assert sorted((order.video, order.style) for order in server.orders) == sorted(
        (key, key.split("/")[1]) for key in dropped
    )


def test_a_blob_seen_again_is_no_work_and_a_changed_one_is(
    data: Store, control: Store, sensor: Sensor, server: Server, drop: Drop
) -> None:
    data.write("videos/clip.mp4", b"video")
    data.write("inbox/wave/a.mp4", b"video")
    drop("job", video="videos/clip.mp4")
    assert sensor.sweep().started == 2
    for other in (sensor, Sensor(data, control, server.start, still_s=0)):
        assert other.sweep() == Sweep()
        assert other.take("triggers/job.json") == other.take("inbox/wave/a.mp4") == "started"
    assert server.asked == 2
    data.write("inbox/wave/a.mp4", b"other")
    drop("job", video="videos/clip.mp4")
    assert sensor.sweep().started == 2
    assert len(server.runs) == len(receipts(control)) == 4


def test_triggers_met_three_times_by_two_sensors_at_once_are_one_run_each(
    data: Store, control: Store, server: Server, drop: Drop
) -> None:
    data.write("videos/clip.mp4", b"video")
    for number in range(21):
        drop(f"{number}", video="videos/clip.mp4")
    sensors = [Sensor(data, control, server.start, still_s=0) for _ in range(2)]
    with ThreadPoolExecutor(6) as pool:
        swept = list(pool.map(Sensor.sweep, sensors * 3))
    assert all(each.failed == each.refused == 0 for each in swept)
    assert len(server.runs) == len(receipts(control)) == 21
    assert {each.run for each in receipts(control)} == {run for run, _ in server.runs.values()}


def test_a_sensor_killed_between_run_and_receipt_starts_nothing_twice(
    data: Store, control: Store, server: Server, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.write("videos/clip.mp4", b"video")
    drop("job", video="videos/clip.mp4")
    killed = Sensor(data, control, server.start, still_s=0)
    with monkeypatch.context() as patched:
        patched.setattr(type(control), "create", _killed)
        with pytest.raises(KeyboardInterrupt):
            killed.sweep()
    assert receipts(control) == []
    assert Sensor(data, control, server.start, still_s=0).sweep().started == 1
    assert (server.asked, len(server.runs), len(receipts(control))) == (2, 1, 1)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


BAD = {
    "not-json": (b"{'video': 'x'}", "JSON"),
    "half": (b'{"video": "videos/clip.mp4", "sty', "JSON"),
    "bytes": (b"\xff\xfe\x00\x80", "JSON"),
    "empty": (b"", "JSON"),
    "deep": (b"[" * 30_000, "JSON"),
    "list": (b"[1, 2]", "object"),
    "unknown": (b'{"video": "videos/clip.mp4", "style": "wave", "model": "os:system"}', "model"),
    "escape": (b'{"video": "../../etc/passwd", "style": "wave"}', "video"),
    "local": (b'{"video": "file:///etc/passwd", "style": "wave"}', "video"),
    "pickle": (b'{"video": "videos/clip.mp4", "style": "evil.pth"}', "no style's name"),
    "missing": (b'{"video": "videos/none.mp4", "style": "wave"}', "has no 'videos/none.mp4'"),
    "unpainted": (b'{"video": "videos/clip.mp4", "painting": "styles/none.jpg"}', "has no 'styles/none.jpg'"),
    "both": (b'{"video": "videos/clip.mp4", "painting": "videos/clip.mp4", "style": "wave"}', "exactly one"),
    "large": (b'{"video": "videos/clip.mp4", "style": "wave"}'.ljust(70_000), "70000 bytes"),
    "n" * 250: (b"{}", "video"),
}


def test_bad_triggers_are_moved_once_with_the_reason_beside_them(
    data: Store, control: Store, sensor: Sensor, server: Server, drop: Drop
) -> None:
    data.write("videos/clip.mp4", b"video")
    for name, (content, _) in BAD.items():
        data.write(f"triggers/{name}.json", content)
    drop("zz-good", video="videos/clip.mp4")
    assert sensor.sweep() == Sweep(started=1, refused=len(BAD))
    assert server.videos == ["videos/clip.mp4"]
    for name, (content, words) in BAD.items():
        assert data.read(f"triggers/rejected/{name}.json") == content
        assert words in data.read(f"triggers/rejected/{name[:244]}.reason.txt").decode()
    before = list(data.list())
    assert sensor.sweep() == Sensor(data, control, server.start, still_s=0).sweep() == Sweep()
    assert list(data.list()) == before
    assert [blob.key for blob in before if blob.key.startswith("triggers/") and "/rejected/" not in blob.key] == [
        "triggers/zz-good.json"
    ]


def test_what_is_too_large_to_move_stays_and_is_refused_once(
    data: Store, control: Store, sensor: Sensor, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restyle.sensor.refusing.MOVED_BYTES", 100_000)
    data.write("triggers/film.json", b"x" * 100_001)
    data.write("inbox/no.style/clip.mp4", b"video")
    assert sensor.sweep() == Sweep(refused=2)
    assert b"100001 bytes" in data.read("triggers/rejected/film.reason.txt")
    assert b"no style's name" in data.read("inbox/no.style/clip.mp4.reason.txt")
    assert {each.blob for each in receipts(control)} == {"triggers/film.json", "inbox/no.style/clip.mp4"}
    assert all(each.reason and each.run is None for each in receipts(control))
    assert sensor.sweep() == Sensor(data, control, server.start, still_s=0).sweep() == Sweep()


def test_a_flood_of_bad_triggers_is_cleared_in_bounded_sweeps_and_starves_no_good_one(
    tmp_path: Path, server: Server
) -> None:
    data, control = (open_store((tmp_path / name).as_uri()) for name in ("data", "control"))
    data.write("videos/clip.mp4", b"video")
    (tmp_path / "data" / "triggers").mkdir()
    for number in range(1000):
        (tmp_path / "data" / "triggers" / f"a{number:04}.json").write_bytes(b"bad")
        if number == 150:
            data.write("triggers/zz.json", b'{"video": "videos/clip.mp4", "style": "wave"}')
    sensor = Sensor(data, control, server.start, still_s=0, most=100)
    assert sensor.sweep() == Sweep(refused=100, left=901)
    assert sensor.sweep() == Sweep(started=1, refused=99, left=801)
    assert len(keys(data, "triggers/rejected/")) == 2 * 199


@pytest.mark.parametrize("error", [ServerUnavailable("away"), StoreUnavailable("away"), RuntimeError("unforeseen")])
def test_an_error_of_the_server_rejects_nothing_and_is_tried_again(
    error: Exception, data: Store, control: Store, sensor: Sensor, server: Server, drop: Drop
) -> None:
    data.write("videos/clip.mp4", b"video")
    for number in range(6):
        drop(f"{number}", video="videos/clip.mp4")

    def away(_: VideoOrder) -> None:
        raise error

    server.before = away
    assert sensor.sweep() == Sweep(failed=3, left=3)
    server.before = lambda _: None
    assert sensor.sweep() == Sweep(started=6)
    assert len(server.runs) == 6
    assert keys(data, "triggers/rejected/") == []


def test_triggers_the_server_always_fails_on_do_not_hold_up_the_others(
    data: Store, sensor: Sensor, server: Server, drop: Drop
) -> None:
    for name in ("bad.mp4", "good.mp4", "never.mp4"):
        data.write(f"videos/{name}", b"video")
    for number in range(9):
        drop(f"a{number}", video="videos/bad.mp4")
    drop("b", video="videos/good.mp4")
    drop("c", video="videos/never.mp4")

    def picky(order: VideoOrder) -> None:
        if order.video == "videos/bad.mp4":
            raise ServerUnavailable("500")
        if order.video == "videos/never.mp4":
            raise OrderRefused("409: codec is not allowed here")

    server.before = picky
    swept = [sensor.sweep() for _ in range(4)]
    assert sum(each.started for each in swept) == 1
    assert server.videos == ["videos/good.mp4"]
    assert b"409: codec" in data.read("triggers/rejected/c.reason.txt")


def test_a_trigger_replaced_while_it_is_read_runs_as_what_it_is_now(
    data: Store, sensor: Sensor, server: Server, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.write("videos/old.mp4", b"video")
    data.write("videos/new.mp4", b"video")
    drop("job", video="videos/old.mp4")
    read = type(data).read

    def read_and_replace(store: Store, key: str, start: int, size: int) -> bytes:
        content = read(store, key, start, size)
        drop("job", video="videos/new.mp4")
        return content

    with monkeypatch.context() as patched:
        patched.setattr(type(data), "read", read_and_replace)
        assert sensor.sweep().started == 0
    assert sensor.sweep().started == 1
    assert server.videos == ["videos/new.mp4"]


def test_a_refused_trigger_that_is_replaced_meanwhile_is_not_lost(
    data: Store, sensor: Sensor, server: Server, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.write("videos/clip.mp4", b"video")
    data.write("triggers/job.json", b"bad")
    delete = type(data).delete

    def replace_and_delete(store: Store, key: str, etag: str | None = None) -> None:
        drop("job", video="videos/clip.mp4")
        delete(store, key, etag)

    with monkeypatch.context() as patched:
        patched.setattr(type(data), "delete", replace_and_delete)
        assert sensor.sweep().refused == 1
    assert sensor.sweep().started == 1
    assert server.videos == ["videos/clip.mp4"]


class Growing:
    """A folder into which something is copied by other means than the store."""

    def __init__(self, root: Path) -> None:
        self.data = open_store((root / "data").as_uri())
        self.server = Server()
        self.sensor = Sensor(self.data, open_store((root / "control").as_uri()), self.server.start, still_s=0.3)
        self.video = root / "data" / "inbox" / "wave" / "a.mp4"
        self.video.parent.mkdir(parents=True)


def test_a_file_still_being_copied_waits_until_it_stands_still(tmp_path: Path) -> None:
    folder = Growing(tmp_path)
    with folder.video.open("wb", buffering=0) as copied:
        for _ in range(5):
            copied.write(b"piece")
            assert folder.sensor.sweep() == Sweep(waiting=1)
            time.sleep(0.1)
    time.sleep(0.3)
    assert folder.sensor.sweep() == Sweep(started=1)


def test_a_file_with_a_time_of_long_ago_is_whole_at_once_and_one_of_the_future_when_it_was_seen_still(
    tmp_path: Path,
) -> None:
    folder = Growing(tmp_path)
    folder.video.write_bytes(b"video")
    age(folder.video, 60)
    assert folder.sensor.sweep() == Sweep(started=1)
    folder.video.with_name("b.mp4").write_bytes(b"video")
    age(folder.video.with_name("b.mp4"), -3600)
    assert folder.sensor.sweep() == Sweep(waiting=1)
    time.sleep(0.4)
    assert folder.sensor.sweep() == Sweep(started=1)


def test_a_trigger_waits_for_a_video_that_is_still_being_copied(tmp_path: Path) -> None:
    folder = Growing(tmp_path)
    other = tmp_path / "data" / "videos" / "b.mp4"
    other.parent.mkdir()
    other.write_bytes(b"half")
    folder.data.write("triggers/job.json", json.dumps({"video": "videos/b.mp4", "style": "wave"}).encode())
    age(tmp_path / "data" / "triggers" / "job.json", 60)
    assert folder.sensor.sweep() == Sweep(waiting=1)
    assert keys(folder.data, "triggers/rejected/") == []
    age(other, 60)
    assert folder.sensor.sweep() == Sweep(started=1)


def test_a_folder_is_the_same_wherever_it_is_mounted(tmp_path: Path) -> None:
    folder = Growing(tmp_path)
    folder.video.write_bytes(b"video")
    age(folder.video, 60)
    assert folder.sensor.sweep() == Sweep(started=1)
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    moved = open_store((tmp_path / "elsewhere").as_uri())
    control = open_store((tmp_path / "control").as_uri())
    assert Sensor(moved, control, folder.server.start, still_s=0).sweep() == Sweep()


def test_ten_thousand_old_triggers_cost_a_sweep_two_listings_and_no_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, control = (open_store((tmp_path / name).as_uri()) for name in ("data", "control"))
    old = [
        BlobInfo(key=f"triggers/{n}.json", size_bytes=9, etag=f"{n}", version=f"{n}", modified="2026-01-01T00:00:00Z")
        for n in range(10_000)
    ]
    asked: list[str] = []
    with monkeypatch.context() as patched:
        kept = [blob.model_copy(update={"key": receipt(drop_id(data, blob))}) for blob in old]

        def listed(store: Store, prefix: str = "") -> list[BlobInfo]:
            asked.append(prefix)
            return [blob for blob in (old if store is data else kept) if blob.key.startswith(prefix)]

        def read(_: Store, key: str) -> bytes:
            raise BlobNotFound(f"{key} was read")

        patched.setattr(type(data), "list", listed)
        patched.setattr(type(data), "stat", read)
        patched.setattr(type(data), "read", read)
        sensor = Sensor(data, control, Server().start, still_s=0)
        assert sensor.sweep() == Sweep()
        assert asked == ["triggers/", "inbox/", "receipts/"]
        assert sensor.sweep() == Sweep()
        assert asked[3:] == ["triggers/", "inbox/"]
