"""The two stores of this process, opened once from its own settings: tasks carry no address and no secret."""

from functools import lru_cache, partial
from typing import NamedTuple

from restyle.errors import BadSetting
from restyle.settings import Settings
from restyle.storage import Store, open_store
from restyle.storage.open import with_container
from restyle.storage.renewed import RenewedStore

BLOCK = "block:"


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
    if spec.startswith(BLOCK):
        return RenewedStore(partial(_of_block, spec.removeprefix(BLOCK)))
    return open_store(spec)


def _of_block(name: str) -> str:
    """The store that a prefect-azure container block names, in the words of open_store."""
    from prefect_azure.blob_storage import AzureBlobStorageContainer  # noqa: PLC0415  (only where a block is used)

    try:
        block = AzureBlobStorageContainer.load(name)
    except ValueError as error:
        raise BadSetting(
            f"block:{name}: no block azure-blob-storage-container/{name} on the Prefect server; make it there"
        ) from error
    credentials = block.credentials
    if credentials.connection_string is not None:
        return with_container(credentials.connection_string.get_secret_value(), block.container_name)
    return f"{str(credentials.account_url).rstrip('/')}/{block.container_name}"
