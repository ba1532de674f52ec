"""The price table: what devices cost an hour and how fast they paint, from a file that users edit."""

import tomllib
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from restyle.domain import Frozen
from restyle.errors import BadSetting
from restyle.settings import Settings

SHIPPED = Path(__file__).with_name("prices.toml")


class Device(Frozen):
    """A GPU with the machine around it, or a whole machine without one. Either speed or megapixels_per_s is given."""

    words: str
    price_per_hour: float = Field(ge=0, description="0: not priced")
    currency: str = Field(min_length=1)
    speed: float | None = Field(default=None, gt=0, description="times that of the machine which asks")
    megapixels_per_s: float | None = Field(default=None, gt=0, description="that a style's network paints")
    measured: bool = Field(description="whether the speed was measured; else it is an estimate")
    cores: int | None = Field(default=None, ge=1, description="None: as many as the machine which asks")
    start_s: float = Field(ge=0, description="until it paints")
    source: str = Field(min_length=1, description="where price and speed come from")

    @model_validator(mode="after")
    def _one_speed(self) -> Self:
        if (self.speed is None) == (self.megapixels_per_s is None):
            raise ValueError("give either speed or megapixels_per_s")
        return self


class Prices(Frozen):
    """A price table, and the file that it is from."""

    file: Path
    devices: dict[str, Device] = Field(min_length=1)

    def device(self, name: str) -> Device:
        """An entry. Raises BadSetting, naming those there are."""
        if name not in self.devices:
            raise BadSetting(
                f"RESTYLE_PRICED_AS: {name!r} is no entry of {self.file}; name one of {', '.join(self.devices)}"
            )
        return self.devices[name]


def read_prices(settings: Settings) -> Prices:
    """The table that RESTYLE_PRICES names, else prices.toml of RESTYLE_HOME, else the one that comes with restyle.

    Raises BadSetting for a file that is no price table.
    """
    own = settings.home / "prices.toml"
    file = settings.prices or (own if own.exists() else SHIPPED)
    try:
        return Prices(file=file, **tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise BadSetting(f"{file}: the price table cannot be read ({error.strerror}); check RESTYLE_PRICES") from error
    except (ValidationError, ValueError, TypeError) as error:
        raise BadSetting(f"{file}: no price table: {_fault(error)}; compare it with {SHIPPED}") from error


def _fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
