"""The arithmetic of a budget: what a run has cost until now, and whether what it would begin next still fits."""

from restyle.domain import Frozen
from restyle.errors import BadSetting, BudgetReached
from restyle.prices import Prices

RESERVE = 0.05
"""Of a budget, kept for joining the output, and for batches that take longer than those before them."""


class Budget(Frozen):
    """What a run may cost, and what it costs."""

    limit: float
    currency: str
    device: str
    price_per_hour: float
    devices: int = 1

    def cost(self, seconds: float) -> float:
        """Of so many seconds, with every device held."""
        return seconds / 3600 * self.price_per_hour * self.devices

    def require(self, spent_s: float, ahead_s: float) -> None:
        """Raises BudgetReached where so many seconds of the run, and so many more, would exceed the budget."""
        if self.cost(spent_s + ahead_s) > self.limit * (1 - RESERVE):
            raise BudgetReached(
                f"{self}: {self.cost(spent_s):.4g} is spent, and the next batches would take "
                f"{self.cost(ahead_s):.4g} more; {RESERVE:.0%} is kept for joining"
            )

    def __str__(self) -> str:
        priced = f"{self.device}, {self.devices} x {self.price_per_hour:g} {self.currency} an hour"
        return f"budget of {self.limit:g} {self.currency} ({priced})"


def budget_of(limit: float, prices: Prices, name: str, devices: int = 1) -> Budget:
    """A budget by an entry of the price table. Raises BadSetting where that has no price, or is none."""
    device = prices.device(name)
    if not device.price_per_hour:
        raise BadSetting(
            f"--budget {limit:g}: {name} has no price in {prices.file}; give it one in your own copy of that table, or "
            "name another entry by RESTYLE_PRICED_AS"
        )
    return Budget(
        limit=limit, currency=device.currency, device=name, price_per_hour=device.price_per_hour, devices=devices
    )
