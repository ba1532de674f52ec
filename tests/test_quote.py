"""The price table as users edit it, and the arithmetic of a quote."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restyle.cut import TASK_S
from restyle.errors import BadSetting
from restyle.prices import SHIPPED, Device, Prices, read_prices
from restyle.quote import LOOKS, Sample, quote, run_seconds, sample_size
from restyle.settings import Settings

OWN = """
[devices.mine]
words = "my machine"
price_per_hour = 0.5
currency = "EUR"
speed = 2.0
measured = true
start_s = 10
source = "my bill"
"""


def sample(frames: int = 1000, training_s: float = 0.0, lead_in: int = 0) -> Sample:
    return Sample(
        frames=frames,
        lead_in=lead_in,
        width=1000,
        height=1000,
        sampled=10,
        paint_s=2.0,
        around_s=0.4,
        look_s=30.0,
        network_megapixels_per_s=0.5,
        cores=4,
        training_s=training_s,
    )


def device(**values: object) -> Device:
    fields = {"words": "w", "price_per_hour": 3.6, "currency": "USD", "measured": False, "start_s": 60, "source": "s"}
    return Device.model_validate(fields | values)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESTYLE_HOME", str(tmp_path))
    monkeypatch.delenv("RESTYLE_PRICES", raising=False)
    return tmp_path


def test_the_shipped_table_says_of_each_entry_where_it_is_from_and_what_is_an_estimate(home: Path) -> None:
    prices = read_prices(Settings())
    assert prices.file == SHIPPED
    assert prices.devices["this-machine"].measured
    for name, entry in prices.devices.items():
        assert name == "this-machine" or (not entry.measured and "estimate" in entry.source)


def test_a_table_of_the_users_own_replaces_it_and_the_setting_names_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "prices.toml").write_text(OWN)
    assert list(read_prices(Settings()).devices) == ["mine"]
    (home / "other.toml").write_text(OWN.replace("mine", "theirs"))
    monkeypatch.setenv("RESTYLE_PRICES", str(home / "other.toml"))
    assert list(read_prices(Settings()).devices) == ["theirs"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "no price table"),
        ("", "devices"),
        ("[devices]", "devices"),
        (OWN.replace("0.5", "-1"), "devices.mine.price_per_hour"),
        (OWN.replace("0.5", '"cheap"'), "devices.mine.price_per_hour"),
        (OWN.replace("speed = 2.0", ""), "give either speed or megapixels_per_s"),
        (OWN + "megapixels_per_s = 3\n", "give either speed or megapixels_per_s"),
        (OWN + "colour = 3\n", "devices.mine.colour"),
    ],
)
def test_a_faulty_table_is_refused_by_file_and_entry(text: str, said: str, home: Path) -> None:
    (home / "prices.toml").write_text(text)
    with pytest.raises(BadSetting) as refused:
        read_prices(Settings())
    assert said in str(refused.value)
    assert str(home / "prices.toml") in str(refused.value)


def test_a_table_that_is_not_there_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_PRICES", str(home / "none.toml"))
    with pytest.raises(BadSetting, match=r"none\.toml"):
        read_prices(Settings())


@pytest.mark.parametrize(
    ("frames", "size"), [(1, 1), (7, 7), (8, 8), (500, 8), (801, 9), (3000, 30), (6001, 60), (10**6, 60)]
)
def test_a_sample_is_one_in_a_hundred_within_bounds(frames: int, size: int) -> None:
    assert sample_size(frames) == size


def test_the_time_of_a_run_is_the_sum_that_the_document_states() -> None:
    # 1000 frames of 0.2 s, cut into batches of 72 at least: 0.25 s of orchestration is to be 2 % of one.
    seconds = run_seconds(sample(), speed=10, cores=8, start_s=60)
    batches = round((seconds - 60 - LOOKS * 30 - 1000 * 0.2 - 1000 * 0.4 / 8) / TASK_S)
    assert seconds == pytest.approx(60 + LOOKS * 30 + 1000 * 0.2 + 1000 * 0.4 / 8 + batches * TASK_S)
    assert 10 <= batches <= 20
    assert run_seconds(sample(training_s=480), 10, 8, 60) == pytest.approx(seconds + 480)
    assert run_seconds(sample(lead_in=5), 10, 8, 60) == pytest.approx(seconds + 5 * (batches - 1) * 0.2)


def test_speed_is_relative_or_from_what_a_network_paints_here() -> None:
    devices = {
        "twice": device(speed=2),
        "same": device(megapixels_per_s=1.0),
        "free": device(speed=2, price_per_hour=0),
    }
    twice, same, free = quote(sample(), Prices(file=SHIPPED, devices=devices)).estimates
    assert same.speed == twice.speed == 2
    assert same.seconds == twice.seconds == free.seconds
    assert twice.price == pytest.approx(twice.seconds / 1000)
    assert free.price is None


@given(frames=st.integers(1, 10**6), speed=st.floats(0.01, 1000))
def test_a_faster_device_never_takes_longer_to_paint(frames: int, speed: float) -> None:
    slow, fast = (run_seconds(sample(frames), one, 4, 0) for one in (speed, 2 * speed))
    assert fast <= slow + TASK_S
