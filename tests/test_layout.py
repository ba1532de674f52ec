"""Keys made from names that users choose."""

from hypothesis import example, given
from hypothesis import strategies as st

from restyle.layout import video
from restyle.storage import check_key


@given(st.text(max_size=300))
@example("..")
@example("a/../b\\c\x00\n.mp4")
@example("\udcff\ufdd0\u2028.mov.")
@example("映" * 200 + ".mp4")
def test_every_file_name_becomes_a_key_that_stores_take(name: str) -> None:
    assert check_key(video("0" * 64, name)).startswith("videos/000000000000-")


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert video("ab" * 32, "My holiday (2).mp4") == "videos/abababababab-My holiday (2).mp4"
