"""Places and pictures that options name."""

from pathlib import Path

import pytest
from PIL import Image

from models.styles import shipped_fast
from restyle.commands.options import writable
from restyle.errors import BadCheckpoint, BadPainting, UnsupportedOutput
from tasks.lessons import TrainingOrder, choose_pictures, prepare


def test_a_name_that_is_too_long_for_the_disk_is_told_as_any_other_bad_place(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOutput, match=r"cannot be written .*choose another place with -o"):
        writable(tmp_path / ("n" * 300 + ".mp4"), "output.mp4")


def test_folders_and_broken_links_that_are_named_like_pictures_are_none(tmp_path: Path) -> None:
    (tmp_path / "thumbs.png").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    with pytest.raises(BadPainting, match="no pictures there"):
        choose_pictures(TrainingOrder(painting="any.jpg", photographs=str(tmp_path)))


def test_a_training_begins_from_no_network_of_the_fast_engine(tmp_path: Path) -> None:
    painting, start = tmp_path / "mine.png", shipped_fast()["wave"].path
    Image.new("RGB", (80, 80), "teal").save(painting)
    with pytest.raises(BadCheckpoint, match=r"--from .*wave.safetensors: a network of the fast engine"):
        prepare(TrainingOrder(painting=str(painting), start=str(start)))
