"""What counts as dropped into the data store, and the name that one version of it has for good."""

import hashlib
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from restyle.errors import BadSetting
from restyle.layout import INBOX, REASON_SUFFIX, TRIGGERS
from restyle.storage import BlobInfo, Store

# How browsers, copy programs and shares call what they have not finished, or keep beside files for themselves.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".!ut", "~")


def is_trigger(key: str) -> bool:
    """Whether this is an order, written as ``triggers/NAME.json``."""
    name = key.removeprefix(TRIGGERS)
    return key.startswith(TRIGGERS) and "/" not in name and name.lower().endswith(".json") and not name.startswith(".")


def style_of(key: str) -> str | None:
    """The style that ``inbox/STYLE/VIDEO`` is to be painted in; None for what is no such video."""
    style, _, below = key.removeprefix(INBOX).partition("/")
    if not key.startswith(INBOX) or not below or below.lower().endswith((*_UNFINISHED, REASON_SUFFIX)):
        return None
    return None if any(segment.startswith(".") for segment in below.split("/")) else style


def container_of(store: Store) -> str:
    """The container's name, as events call it. Raises BadSetting for a folder, of which no events tell."""
    address = urlsplit(store.url("x"))
    if address.scheme not in ("http", "https"):
        raise BadSetting("RESTYLE_EVENT_QUEUE: events tell of blob storage only; unset it, the folder is looked at")
    return address.path.split("/")[-2]


def drop_id(store: Store, blob: BlobInfo) -> str:
    """32 hexadecimal digits for this version of this blob, the same for every sensor.

    Of a container counts its path alone: one account answers under several hosts and ports. Of a folder not even that,
    since a share is mounted at other places on other machines.
    """
    address = urlsplit(store.url(blob.key))
    place = address.path if address.scheme in ("http", "https") else blob.key
    return hashlib.sha256(f"{place}\n{blob.version}".encode()).hexdigest()[:32]


class Stillness:
    """Tells blobs that are whole from files that are still being copied into a folder."""

    def __init__(self, others_write_whole: bool, still_s: float) -> None:
        self._others_write_whole = others_write_whole
        self._still_s = still_s
        self._seen: dict[tuple[str, str], float] = {}
        self._seen_before: dict[tuple[str, str], float] = {}

    def look_anew(self) -> None:
        """Begin a sweep: what the last one did not meet is forgotten."""
        self._seen_before, self._seen = self._seen, {}

    def is_whole(self, blob: BlobInfo) -> bool:
        """Whether size and time stood still for a while, by the file's own time or since we first saw them so.

        A file's time alone would not do: its clock may be another machine's, or ahead. Nor is anything whole that is
        empty: some clients put an empty blob first, and then its content.
        """
        if self._others_write_whole and blob.size_bytes:
            return True
        now, version = time.monotonic(), (blob.key, blob.version)
        since = self._seen[version] = self._seen_before.get(version, now)
        age_s = (datetime.now(UTC) - blob.modified).total_seconds()
        return now - since >= self._still_s or age_s > self._still_s
