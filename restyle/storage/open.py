"""From the words that name a store to the store."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from restyle.errors import BadSetting
from restyle.storage.files import FileStore
from restyle.storage.protocol import Store
from restyle.storage.timeouts import Timeouts

_FORMS = (
    "a store is named by file:///path, https://ACCOUNT.blob.core.windows.net/CONTAINER (a SAS may follow), "
    "a connection string with ContainerName=NAME, or block:NAME"
)
_CONTAINER = "containername="


def open_store(spec: str, *, connections: int = 32, timeouts: Timeouts | None = None) -> Store:
    """The store that ``spec`` names; neither folder nor container is made before something is written.

    spec: one of
      ``file:///path``, percent-encoded where it must be: a folder, also of a mounted share;
      ``https://ACCOUNT.blob.core.windows.net/CONTAINER``: with the machine's own Azure identity;
      ``https://ACCOUNT.blob.core.windows.net/CONTAINER?SAS``: with a shared access signature;
      ``AccountName=...;AccountKey=...;BlobEndpoint=...;ContainerName=NAME``: a connection string, the container as one
      part more; ``UseDevelopmentStorage=true;ContainerName=NAME`` is the emulator Azurite on its usual port.
    connections: as many as threads will use the store at once. timeouts: the defaults of Timeouts.

    Raises BadSetting, never with the spec in its message, for any other spec, for plain http to a host that is not
    loopback, and for ``block:NAME``, which only a run can load.
    """
    try:
        parts = urlsplit(spec)
    except ValueError:
        raise BadSetting(f"not a store: {_FORMS}") from None
    if parts.scheme == "file":
        return FileStore(_folder(parts))
    if parts.scheme == "block":
        raise BadSetting("block:NAME is a Prefect block, loaded inside a run only; here name the store itself")
    if parts.scheme in ("http", "https") or is_connection_string(spec):
        return _container(spec, parts, connections, timeouts or Timeouts())
    raise BadSetting(f"not a store: {_FORMS}")


def _container(spec: str, parts: SplitResult, connections: int, timeouts: Timeouts) -> Store:
    # Imported here, since azure takes half a second that a folder need not spend.
    from restyle.storage import azure, azure_client  # noqa: PLC0415

    if is_connection_string(spec):
        text, container = _without_container(spec)
        client = azure_client.from_connection_string(text, container, connections, timeouts)
    else:
        account_url, container = _account_and_container(parts)
        client = azure_client.from_url(account_url, container, parts.query, connections, timeouts)
    return azure.AzureStore(client, sas_expires=azure_client.sas_expiry(spec))


def is_connection_string(spec: str) -> bool:
    """Whether a spec is NAME=VALUE parts rather than an address."""
    return re.match(r"\s*\w+\s*=", spec) is not None


def with_container(connection_string: str, container: str) -> str:
    """The connection string, with this container where it names none."""
    if any(part.lower().startswith(_CONTAINER) for part in connection_string.split(";")):
        return connection_string
    return f"{connection_string.rstrip(';')};ContainerName={container}"


def _folder(parts: SplitResult) -> Path:
    path = unquote(parts.path)
    more = parts.query or parts.fragment
    if parts.netloc not in ("", "localhost") or not path.startswith("/") or "\0" in path or more:
        raise BadSetting(
            "a folder is named with its absolute path and three slashes, ? and # in it written %3F and %23: "
            "file:///path/to/folder"
        )
    return Path(path)


def _account_and_container(parts: SplitResult) -> tuple[str, str]:
    """Azure names the account in the host, the emulator in the path: one segment or two."""
    *account, container = parts.path.strip("/").split("/")
    if not container or len(account) > 1 or "@" in parts.netloc or (account and ".blob." in parts.netloc):
        raise BadSetting(f"{parts.scheme}://{parts.hostname}: a store is a whole container; {_FORMS}")
    return "/".join([f"{parts.scheme}://{parts.netloc}", *account]), container


def _without_container(connection_string: str) -> tuple[str, str]:
    """The connection string as Azure knows it, and the container named by the part of ours."""
    parts = [part for part in connection_string.split(";") if part]
    names = [part.partition("=")[2] for part in parts if part.lower().startswith(_CONTAINER)]
    if len(names) != 1 or not names[0]:
        raise BadSetting("the connection string names no container; add ;ContainerName=NAME to it")
    return ";".join(part for part in parts if not part.lower().startswith(_CONTAINER)), names[0]
