"""Every RESTYLE_* variable, read in one place."""

from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from restyle.arguments import CLUSTERS, is_cluster
from restyle.errors import BadSetting
from restyle.storage.open import is_connection_string, with_container


class Settings(BaseSettings):
    """The environment's RESTYLE_* variables, or their defaults; an empty variable counts as unset.

    Stores are in the words of ``restyle.storage.open_store``, or ``block:NAME``; secret, since they may hold a key.
    Raises BadSetting, which names the variable and never its value.
    """

    model_config = SettingsConfigDict(env_prefix="RESTYLE_", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=lambda: user_data_path("restyle"), description="folder of the default stores and of caches"
    )
    data_store: SecretStr = Field(default=SecretStr(""), description="inputs, frames and outputs; file:///HOME/data")
    control_store: SecretStr = Field(default=SecretStr(""), description="weights, plans, ledgers; file:///HOME/control")

    event_queue: SecretStr = Field(
        default=SecretStr(""), description="where Event Grid tells of new blobs; unset, the data store is listed"
    )
    dask_tls: Path | None = Field(
        default=None, description="folder of ca.pem, cert.pem and key.pem; unset, Dask's connections are not encrypted"
    )
    prices: Path | None = Field(default=None, description="a price table; unset, prices.toml of HOME, or restyle's own")
    priced_as: str = Field(default="this-machine", description="entry of the price table by which runs are priced")
    cluster: str = Field(default="auto", description=f"where deployed runs paint: {CLUSTERS}")
    min_workers: int | None = Field(default=None, ge=0, description="of a cluster that grows and shrinks; unset: none")
    keep_warm_minutes: float | None = Field(default=None, ge=0, description="before idle workers go; unset: 5")
    max_workers: int | None = Field(
        default=None, ge=1, validate_default=True, description="unset, clusters of this machine keep their size"
    )

    def __init__(self, **values: Any) -> None:  # any field, as pydantic takes them
        try:
            super().__init__(**values)
            return
        except ValidationError as error:
            faults = "; ".join(f"RESTYLE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise BadSetting(f"{faults}; correct or unset it")

    @field_validator("home", "dask_tls", "prices")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        """The same folder for processes that work elsewhere."""
        return folder and folder.expanduser().absolute()

    @field_validator("cluster")
    @classmethod
    def _known(cls, cluster: str) -> str:
        if not is_cluster(cluster):
            raise ValueError(f"not {CLUSTERS}")
        return cluster

    @field_validator("max_workers")
    @classmethod
    def _bounded(cls, most: int | None, others: ValidationInfo) -> int | None:
        """A cluster grows and shrinks where it has an upper bound: that is what it may cost."""
        least, warm = others.data.get("min_workers"), others.data.get("keep_warm_minutes")
        if most is None and (least, warm) != (None, None):
            raise ValueError("needed beside RESTYLE_MIN_WORKERS and RESTYLE_KEEP_WARM_MINUTES")
        if most is not None and most < (least or 0):
            raise ValueError(f"{most} is less than RESTYLE_MIN_WORKERS, {least}")
        return most

    @model_validator(mode="after")
    def _stores(self) -> "Settings":
        """Fill in the defaults: a folder, or the container of the store's name where a connection string has none."""
        for name in ("data", "control"):
            spec = getattr(self, f"{name}_store").get_secret_value()
            if not spec:
                spec = (self.home / name).as_uri()
            elif is_connection_string(spec):
                spec = with_container(spec, container=name)
            object.__setattr__(self, f"{name}_store", SecretStr(spec))
        return self
