"""What Azure's errors mean in ours; not a word of their text is passed on, since it may hold a signature."""

import re
from datetime import UTC, datetime
from typing import Literal

import requests
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from restyle.errors import AccessDenied, BlobChanged, BlobExists, BlobNotFound, StorageError, StoreUnavailable

Deed = Literal["read", "list", "write", "create", "delete"]

# The rights of a SAS, as its `sp` spells them, and the least role of an identity.
_RIGHTS: dict[Deed, str] = {
    "read": "'r' (read)",
    "list": "'l' (list)",
    "write": "'w' (write)",
    "create": "'c' (create) or 'w' (write)",
    "delete": "'d' (delete)",
}
_BUSY = frozenset({408, 429})
_UNKNOWN_CALLER = frozenset(
    {"AuthenticationFailed", "AuthorizationFailure", "InvalidAuthenticationInfo", "NoAuthenticationInformation"}
)
# Another writer put the blob, or the container is on its way out: worth another try.
_PASSING = frozenset({"InvalidBlockList", "InvalidBlobOrBlock", "ContainerBeingDeleted"})


class NoContainer(BlobNotFound):
    """The container itself is missing."""


class OutOfRange(StorageError):
    """A range that begins after the blob's end."""


_CHANGED = (BlobChanged, "another process changed or removed it; read it again")
_EXISTS = (BlobExists, "it is there already; read it, or replace it")
_BY_CODE: dict[str, tuple[type[StorageError], str]] = {
    "ContainerNotFound": (NoContainer, "no such container; check its name, or write a blob to make it"),
    "ConditionNotMet": _CHANGED,
    "BlobOverwritten": _CHANGED,
    "BlobAlreadyExists": _EXISTS,
    "ContainerAlreadyExists": _EXISTS,
}
_BY_STATUS: dict[int, tuple[type[StorageError], str]] = {
    404: (BlobNotFound, "no such blob; check the key"),
    416: (OutOfRange, "the blob ends before that range; ask for less"),
}


def translated(
    error: AzureError | requests.RequestException, place: str, deed: Deed, expires: datetime | None
) -> StorageError:
    """Our error for one of Azure's; ``place`` is the blob's address, ``expires`` the end of the SAS if there is one."""
    if isinstance(error, HttpResponseError) and error.status_code:
        return _answered(error, place, deed, expires)
    if isinstance(error, ClientAuthenticationError):
        return AccessDenied(f"{place}: no Azure identity at hand; sign in with `az login`, or give the store a SAS")
    if isinstance(error, ServiceRequestError):
        return StoreUnavailable(f"{place}: the store cannot be reached; check the network and the account's name")
    if isinstance(error, ServiceResponseError | requests.RequestException):
        return StoreUnavailable(f"{place}: the store broke the connection or did not answer in time; try again")
    return StoreUnavailable(f"{place}: what the store sent cannot be used ({type(error).__name__}); try again")


def _answered(error: HttpResponseError, place: str, deed: Deed, expires: datetime | None) -> StorageError:
    status, code = error.status_code or 0, code_of(error)
    if status in (401, 403):
        return _refused(place, deed, code, expires)
    if deed == "read" and code == "ConditionNotMet":
        return StoreUnavailable(f"{place}: another process replaced it while it was read; try again")
    if known := _BY_CODE.get(code) or _BY_STATUS.get(status):
        kind, words = known
        return kind(f"{place}: {words}")
    if status in _BUSY or status >= 500 or code in _PASSING:
        return StoreUnavailable(f"{place}: the store cannot {deed} it now ({status} {code}); try again")
    return StorageError(f"{place}: the store would not {deed} it ({status} {code}); look the code up in Azure's docs")


def _refused(place: str, deed: Deed, code: str, expires: datetime | None) -> AccessDenied:
    if expires and expires <= datetime.now(UTC):
        return AccessDenied(f"{place}: the SAS ended at {expires:%Y-%m-%d %H:%M:%S} UTC; give the store a new one")
    if code in _UNKNOWN_CALLER:
        return AccessDenied(
            f"{place}: the store does not accept the credentials ({code}); renew them, and check the account's firewall"
        )
    return AccessDenied(
        f"{place}: no right to {deed} ({code}); a SAS needs {_RIGHTS[deed]}, an identity the role "
        f"Storage Blob Data {'Reader' if deed in ('read', 'list') else 'Contributor'}"
    )


def code_of(error: HttpResponseError) -> str:
    """Azure's name of the error: a word, or nothing."""
    named = getattr(error, "error_code", None)  # set by the storage SDK alone, as its enum or a plain word
    headers = getattr(error.response, "headers", {})
    code = str(getattr(named, "value", named) or headers.get("x-ms-error-code") or "no code")
    return code if re.fullmatch(r"[\w ]{1,64}", code) else "no code"
