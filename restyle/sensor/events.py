"""The sensor told by events: for stores too large to be listed every few seconds, Event Grid says what is new."""

import base64
import json
import logging
import re
from typing import Any

from restyle.domain import Frozen
from restyle.sensor.sensor import Sensor
from restyle.storage.queue import EventQueue, Message

log = logging.getLogger(__name__)

HIDDEN_S = 120  # a message that was not handled comes again after so long
MOST_TRIES = 5
_NEWS = frozenset({"Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"})
_SUBJECT = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)


class Heard(Frozen):
    """What one look at the queue came to, in messages."""

    handled: int = 0
    left: int = 0
    buried: int = 0


def listen(sensor: Sensor, queue: EventQueue, container: str, hidden_s: int = HIDDEN_S) -> Heard:
    """Receive some messages and handle what they tell of; a message goes when there is nothing left to do for it.

    What a message says counts for little: the blob is looked up as it is now. So it does no harm that messages come
    late, twice or in another order. One that could not be handled in five tries is moved to the dead letters.
    """
    handled = left = buried = 0
    for message in queue.receive(hidden_s):
        if message.tries > MOST_TRIES:
            log.error("given up after %d tries, moved to the dead letters: %.500s", MOST_TRIES, message.text)
            queue.bury(message)
            buried += 1
        elif _handle(sensor, message, container):
            queue.delete(message)
            handled += 1
        else:
            left += 1
    return Heard(handled=handled, left=left, buried=buried)


def _handle(sensor: Sensor, message: Message, container: str) -> bool:
    try:
        key = key_of(message.text, container)
    except (ValueError, RecursionError) as error:
        log.warning("a message that tells of no blob (try %d of %d): %s", message.tries, MOST_TRIES, error)
        return False
    return key is None or sensor.take(key) in ("started", "refused", "gone")


def key_of(text: str, container: str) -> str | None:
    """The blob that an event tells of; None where it is another container's, or no news.

    text: an event in Event Grid's own schema or as a CloudEvent, in base64 (as Event Grid sends it) or plain.
    Raises ValueError for anything else.
    """
    plain = text if text.lstrip().startswith("{") else base64.b64decode(text, validate=True)
    event: Any = json.loads(plain)
    if not isinstance(event, dict):
        raise ValueError("no event, but a list or a value")
    kind = event.get("eventType", event.get("type"))
    found = _SUBJECT.fullmatch(str(event.get("subject")))
    if not isinstance(kind, str) or found is None:
        raise ValueError("an event without a type, or whose subject is no blob")
    return found[2] if kind in _NEWS and found[1] == container else None
