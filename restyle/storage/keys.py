"""The rules every blob key obeys, so that one key means one blob on a folder, on a share and on Azure."""

import unicodedata
from collections.abc import Callable

from restyle.errors import BadKey

MAX_CHARACTERS = 1024  # Azure Blob's limit of a name
MAX_SEGMENTS = 254  # Azure Blob's limit in an account without a hierarchical namespace
MAX_SEGMENT_BYTES = 255  # NAME_MAX of the common file systems
RESERVED = ".restyle"  # the first segment a file store keeps for itself

# Control characters, lone surrogates, line and paragraph separators: none belongs in a name, a log line or a page.
_BAD_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_key(key: str) -> str:
    """The key itself when it obeys the rules. Raises BadKey."""
    if not key:
        raise BadKey("'': a key cannot be empty; name the blob")
    if fault := _fault(key, key.split("/")):
        raise BadKey(f"{_shown(key)}: {fault}")
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself when a key could start with it; empty means every key. Raises BadKey."""
    if prefix and (fault := _fault(prefix, prefix.split("/")[:-1])):
        raise BadKey(f"{_shown(prefix)}: {fault}")
    return prefix


def is_key(name: str) -> bool:
    """Whether a name found in a store, where others may write too, can be a key."""
    return bool(name) and _fault(name, name.split("/")) is None


def _fault(text: str, segments: list[str]) -> str | None:
    """What breaks the rules, with the remedy; None when nothing does."""
    return next((fault for broken, fault in _RULES if broken(text, segments)), None)


def _unprintable(character: str) -> bool:
    # The last two code points of each plane are no characters; XML, in which Azure lists blobs, cannot hold them.
    return unicodedata.category(character) in _BAD_CATEGORIES or (ord(character) & 0xFFFE) == 0xFFFE


# The first broken rule counts: the later ones may rely on the earlier. `segments` are those that are complete.
_RULES: tuple[tuple[Callable[[str, list[str]], bool], str], ...] = (
    (lambda text, _: len(text) > MAX_CHARACTERS, f"more than {MAX_CHARACTERS} characters; shorten it"),
    (lambda _, segments: len(segments) > MAX_SEGMENTS, f"more than {MAX_SEGMENTS} segments; put it less deep"),
    (lambda text, _: text.startswith("/"), "a key is relative to its store; drop the leading '/'"),
    (lambda text, _: "\\" in text, "segments are separated by '/'; replace the backslash"),
    (lambda text, _: any(map(_unprintable, text)), "control characters and the like cannot stand in a key; rename it"),
    (lambda _, segments: "" in segments, "an empty segment; write one '/' between segments and none at the end"),
    (lambda _, segments: any(s.endswith(".") for s in segments), "a segment cannot be or end with '.'; rename it"),
    (
        lambda text, _: any(len(s.encode()) > MAX_SEGMENT_BYTES for s in text.split("/")),
        f"a segment is longer than {MAX_SEGMENT_BYTES} bytes; shorten it",
    ),
    (
        lambda text, _: text.partition("/")[0] == RESERVED,
        f"{RESERVED}/ is kept for the store itself; choose another name",
    ),
)


def _shown(key: str) -> str:
    """The key in quotes, escaped and short enough for one line."""
    return repr(key) if len(key) <= 80 else f"{key[:60]!r}... ({len(key)} characters)"
