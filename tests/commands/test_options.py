"""Places and pictures that options name."""

from pathlib import Path

import pytest

from restyle.commands.options import writable
from restyle.errors import BadPainting, UnsupportedOutput
from tasks.lessons import TrainingOrder, choose_pictures


def test_a_name_that_is_too_long_for_the_disk_is_told_as_any_other_bad_place(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOutput, match=r"cannot be written .*choose another place with -o"):
        writable(tmp_path / ("n" * 300 + ".mp4"), "output.mp4")


def test_folders_and_broken_links_that_are_named_like_pictures_are_none(tmp_path: Path) -> None:
    (tmp_path / "thumbs.png").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    with pytest.raises(BadPainting, match="no pictures there"):
        choose_pictures(TrainingOrder(painting="any.jpg", photographs=str(tmp_path)))
