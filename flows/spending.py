"""The budget of a run: found before anything is paid for, asked before each batch."""

from collections.abc import Callable

from flows.request import Request
from restyle.budget import Budget, budget_of
from restyle.domain import NumericPath
from restyle.prices import read_prices
from restyle.settings import Settings

Afford = Callable[[float], None]
"""Raises BudgetReached where so many seconds more of the run would exceed its budget."""


def budget_for(limit: float | None) -> Budget | None:
    """A budget by the entry of the price table that RESTYLE_PRICED_AS names, where there is a limit.

    Raises BadSetting.
    """
    if limit is None:
        return None
    settings = Settings()
    return budget_of(limit, read_prices(settings), settings.priced_as)


def affording(
    budget: Budget | None, request: Request, numeric: NumericPath, spent_s: Callable[[], float]
) -> Afford | None:
    """What asks whether more fits; all devices of the cluster are paid for as long as the run lasts.

    A device is a worker's GPU, or a machine without one. spent_s: seconds since the run began.
    """
    if budget is None:
        return None
    devices = request.workers if numeric.device == "cuda" else request.hosts
    held = budget.model_copy(update={"devices": devices})
    return lambda ahead_s: held.require(spent_s(), ahead_s)
