"""A queue of Azure Storage: each message comes at least once, in any order, and again until it is deleted."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import ExponentialRetry, QueueClient

from restyle.domain import Frozen
from restyle.errors import AccessDenied, BadSetting, StorageError, StoreUnavailable
from restyle.storage.azure_client import API_VERSION, identity
from restyle.storage.azure_errors import code_of
from restyle.storage.timeouts import Timeouts
from restyle.storage.transport import BoundedSession, is_loopback

RECEIVED = 16  # at once; Azure gives no more than 32
DEAD_LETTERS = "-dead-letters"
_NAME = "queuename="
_FORMS = (
    "a queue is named by https://ACCOUNT.queue.core.windows.net/QUEUE (a SAS may follow), "
    "or by a connection string with QueueName=NAME"
)

T = TypeVar("T")


class _NoQueue(StorageError):
    """The queue itself is missing."""


class _NoMessage(StorageError):
    """The message is not this reader's any more."""


class Message(Frozen):
    """A message that is hidden from other readers for a while."""

    text: str
    tries: int
    """how often it was received, this time included"""
    message_id: str
    pop_receipt: str


class EventQueue:
    """Messages of one queue, and beside it the queue of those that nobody could handle."""

    def __init__(self, client: QueueClient, dead_letters: QueueClient) -> None:
        self._client = client
        self._dead_letters = dead_letters

    def __repr__(self) -> str:
        return f"EventQueue({_place(self._client)!r})"

    def receive(self, hidden_s: int) -> list[Message]:
        """Up to 16 messages, hidden for so many seconds: those not deleted by then come again."""
        pages = self._call(
            lambda: list(self._client.receive_messages(max_messages=RECEIVED, visibility_timeout=hidden_s))
        )
        return [
            Message(text=m.content, tries=m.dequeue_count or 1, message_id=m.id, pop_receipt=m.pop_receipt or "")
            for m in pages
        ]

    def delete(self, message: Message) -> None:
        """Take a message as handled; one that came to another reader meanwhile stays with that one."""
        with suppress(_NoMessage):
            self._call(lambda: self._client.delete_message(message.message_id, message.pop_receipt))

    def bury(self, message: Message) -> None:
        """Move a message to the dead letters, where it waits for a person."""
        try:
            self._call(lambda: self._dead_letters.send_message(message.text))
        except _NoQueue:
            self._call(self._dead_letters.create_queue)
            self._call(lambda: self._dead_letters.send_message(message.text))
        self.delete(message)

    def _call(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (AzureError, requests.RequestException) as error:
            ours = _translated(error, _place(self._client))
        raise ours  # outside the handler: the SDK's text may hold the SAS


def open_queue(spec: str, timeouts: Timeouts | None = None) -> EventQueue:
    """The queue that ``spec`` names, and its dead letters. Raises BadSetting, never with the spec in its message."""
    options: dict[str, Any] = {
        "transport": RequestsTransport(session=BoundedSession(4, timeouts or Timeouts())),
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=3),
        "api_version": API_VERSION,
    }
    if re.match(r"\s*\w+\s*=", spec):
        return _by_connection_string(spec, options)
    try:
        parts = urlsplit(spec)
    except ValueError:
        raise BadSetting(f"not a queue: {_FORMS}") from None
    account, _, name = parts.path.rstrip("/").rpartition("/")
    if parts.scheme not in ("https", "http") or not name:
        raise BadSetting(f"not a queue: {_FORMS}")
    if parts.scheme == "http" and "sig=" not in parts.query:
        raise BadSetting("an identity is sent by https only; give the queue a SAS")
    credential = AzureSasCredential(parts.query) if parts.query else identity()
    url = f"{parts.scheme}://{parts.netloc}{account}"
    return _checked(*(QueueClient(url, each, credential, **options) for each in _named(name)))


def _by_connection_string(spec: str, options: dict[str, Any]) -> EventQueue:
    parts = [part for part in spec.split(";") if part]
    names = [part.partition("=")[2] for part in parts if part.lower().startswith(_NAME)]
    if len(names) != 1:
        raise BadSetting("the connection string names no queue; add ;QueueName=NAME to it")
    text = ";".join(part for part in parts if not part.lower().startswith(_NAME))
    with suppress(ValueError, KeyError):  # whose texts may hold the key
        return _checked(*(QueueClient.from_connection_string(text, each, **options) for each in _named(names[0])))
    raise BadSetting("a connection string that Azure cannot read; copy it whole from the portal, or Azurite's own")


def _checked(client: QueueClient, dead_letters: QueueClient) -> EventQueue:
    if client.scheme != "https" and not is_loopback(client.url):
        raise BadSetting(f"{_place(client)}: plain http is for this machine only; use https")
    return EventQueue(client, dead_letters)


def _named(name: str) -> tuple[str, str]:
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){2,62}", name):
        raise BadSetting(f"{name!r}: a queue has 3 to 63 small letters, digits and single hyphens; rename it")
    return name, name[: 63 - len(DEAD_LETTERS)] + DEAD_LETTERS


def _place(client: QueueClient) -> str:
    return str(client.url).partition("?")[0]


def _translated(error: AzureError | requests.RequestException, place: str) -> StorageError:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    code = code_of(error) if isinstance(error, HttpResponseError) else type(error).__name__
    if status in (401, 403):
        return AccessDenied(
            f"{place}: no right to read this queue; a SAS needs 'r', 'u', 'p' and 'a', an identity the role "
            "Storage Queue Data Contributor"
        )
    if code in ("MessageNotFound", "PopReceiptMismatch"):
        return _NoMessage(f"{place}: another reader has this message by now, or has deleted it")
    if status == 404:
        return _NoQueue(f"{place}: no such queue; make it, and let Event Grid send the container's events to it")
    return StoreUnavailable(f"{place}: the queue does not answer as it should ({code}); try again")
