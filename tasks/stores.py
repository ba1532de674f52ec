"""The two stores of this process, opened once from its own settings: tasks carry no address and no secret."""

from functools import lru_cache
from typing import NamedTuple

from restyle.settings import Settings
from restyle.storage import Store, open_store


class Stores(NamedTuple):
    """data: what outsiders may touch; control: what they may not."""

    data: Store
    control: Store


def open_stores() -> Stores:
    """The stores that RESTYLE_DATA_STORE and RESTYLE_CONTROL_STORE name."""
    settings = Settings()
    return Stores(_open(settings.data_store.get_secret_value()), _open(settings.control_store.get_secret_value()))


@lru_cache(maxsize=8)
def _open(spec: str) -> Store:
    return open_store(spec)
