"""What a budget lets a run begin: never what would exceed it, by what was seen."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restyle.budget import RESERVE, Budget, budget_of
from restyle.errors import BadSetting, BudgetReached
from restyle.prices import SHIPPED, Device, Prices

SECONDS = st.floats(0, 1e7)


def budget(limit: float = 10.0, price_per_hour: float = 3600.0, devices: int = 1) -> Budget:
    return Budget(limit=limit, currency="EUR", device="mine", price_per_hour=price_per_hour, devices=devices)


def test_cost_grows_with_seconds_price_and_devices() -> None:
    assert budget(price_per_hour=3.6).cost(1000) == pytest.approx(1.0)
    assert budget(price_per_hour=3.6, devices=4).cost(1000) == pytest.approx(4.0)


def test_what_fits_is_let_through_up_to_the_reserve() -> None:
    budget().require(5.0, 4.5)
    with pytest.raises(BudgetReached, match=r"budget of 10 EUR \(mine, 1 x 3600 EUR an hour\): 5 is spent.* 4.6 more"):
        budget().require(5.0, 4.6)
    with pytest.raises(BudgetReached):
        budget(devices=2).require(5.0, 0.0)


@given(spent_s=SECONDS, ahead_s=SECONDS, limit=st.floats(0.01, 1e6), price=st.floats(0.01, 1e4))
def test_nothing_is_let_through_that_would_exceed_the_limit(
    spent_s: float, ahead_s: float, limit: float, price: float
) -> None:
    asked = budget(limit, price)
    try:
        asked.require(spent_s, ahead_s)
    except BudgetReached:
        assert asked.cost(spent_s + ahead_s) > limit * (1 - RESERVE)
    else:
        assert asked.cost(spent_s + ahead_s) <= limit


def test_an_entry_without_a_price_or_a_name_is_refused_with_the_remedy() -> None:
    free = Device(words="w", price_per_hour=0, currency="EUR", speed=1, measured=True, start_s=0, source="s")
    prices = Prices(file=SHIPPED, devices={"free": free})
    with pytest.raises(BadSetting, match=r"--budget 5: free has no price in .*RESTYLE_PRICED_AS"):
        budget_of(5, prices, "free")
    with pytest.raises(BadSetting, match=r"'other' is no entry of .*name one of free"):
        budget_of(5, prices, "other")


def test_the_error_survives_the_way_from_a_process_to_another() -> None:
    with pytest.raises(BudgetReached) as reached:
        budget().require(50, 0)
    assert str(pickle.loads(pickle.dumps(reached.value))) == str(reached.value)
