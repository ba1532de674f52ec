"""The rules of keys, as properties over any text."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from restyle.errors import BadKey
from restyle.storage import check_key, check_prefix
from restyle.storage.keys import RESERVED, is_key

_BAD = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "a/./b",
    "a.",
    "a./b",
    "...",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\x7fb",
]
_BAD += [
    "a\u2028b",
    "\ud800",
    "a\ufffe",
    RESERVED,
    f"{RESERVED}/tmp",
    "x" * 256,
    "ü" * 128,
    "a/" * 254 + "a",
    "ab/" * 400,
]
_GOOD = [
    "a",
    "runs/J/frames/000001.jpg",
    ".hidden",
    "a/.b",
    "a..b",
    "ü/日本/🎬.mp4",
    "a b",
    "100%.png",
    "a?b#c&d=e",
    "~",
    "x" * 255,
]
_GOOD += ["'\"<script>", "$(rm -rf x)", f"a/{RESERVED}", f"{RESERVED}s", "a/" * 253 + "a", "-rf", "CON", "file:x"]


def keys() -> st.SearchStrategy[str]:
    """Keys within the rules, of the kinds that break quoting, case folding and file systems."""
    letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"], exclude_characters="/\\")
    segment = st.text(letters, min_size=1, max_size=24).filter(lambda s: not s.endswith(".") and s != RESERVED)
    return st.lists(segment, min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize("key", _GOOD)
def test_a_good_key_is_given_back(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", _BAD)
def test_a_bad_key_is_refused_in_one_short_line(key: str) -> None:
    with pytest.raises(BadKey) as caught:
        check_key(key)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 400


@given(keys())
def test_every_start_of_a_key_is_a_prefix(key: str) -> None:
    assert check_key(key) == key
    for end in range(len(key)):
        start = key[:end]
        assume(start != RESERVED)
        assert check_prefix(start) == start


@given(st.text())
def test_no_accepted_text_can_leave_a_folder(text: str) -> None:
    if is_key(text):
        segments = text.split("/")
        assert not text.startswith("/")
        assert not {"", ".", ".."} & set(segments)
        assert not set(text) & set("\\\0\n\r\t\x1b")
        assert max(len(segment.encode()) for segment in segments) <= 255
    else:
        with pytest.raises(BadKey):
            check_key(text)


@pytest.mark.parametrize("prefix", ["/", "../", "a//", "a/./", "a\n", "a\\", f"{RESERVED}/", "x" * 1025])
def test_a_prefix_no_key_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(BadKey):
        check_prefix(prefix)


def test_ten_thousand_characters_are_refused_in_one_short_line() -> None:
    with pytest.raises(BadKey) as caught:
        check_key("x" * 10_000)
    assert len(str(caught.value)) < 200
