"""A preview of a real clip, as a picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.preview_styles import preview_styles
from restyle.errors import BlobNotFound, UnknownStyle
from restyle.job import Look
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from restyle.preview_sheet import GAP, HEAD_HEIGHT, LABEL_WIDTH, MARGIN
from tasks.previews import preview
from tasks.styles import resolve_style
from tests.media.recipes import ffmpeg

LEFT, TOP = MARGIN + LABEL_WIDTH, MARGIN + HEAD_HEIGHT


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 frames of 320x240 pixels."""
    target = tmp_path_factory.mktemp("clip") / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=12:duration=1", "-pix_fmt", "yuv420p", target)
    return target


def test_the_first_row_is_the_source_and_the_others_are_painted(clip: Path) -> None:
    styles = [resolve_style("starry_night"), resolve_style("wave")]
    sheet = np.asarray(Image.open(io.BytesIO(preview(clip, "clip.mp4", styles, Look(max_side=160), ".png"))))
    info = probe_video(clip)
    with FrameDecoder(clip, info, 160) as decoder:
        frames = dict(enumerate(decoder.frames(0, 12)))
    for column, number in enumerate((1, 4, 7, 10)):
        left = LEFT + column * (160 + GAP)
        cells = [sheet[TOP + y * (120 + GAP) :][:120, left : left + 160].astype(int) for y in range(3)]
        np.testing.assert_array_equal(cells[0], frames[number])
        assert all(np.abs(a - b).mean() > 10 for a, b in ((cells[0], cells[1]), (cells[1], cells[2])))


def test_the_forms_preview_goes_to_the_data_store_and_takes_names_alone(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", tmp_path.as_uri())
    stored = tmp_path / "inbox/clip.mp4"
    stored.parent.mkdir()
    stored.write_bytes(clip.read_bytes())
    key = preview_styles.fn("inbox/clip.mp4", ("wave",), max_side=64)
    assert key.startswith("previews/clip-")
    assert Image.open(io.BytesIO((tmp_path / key).read_bytes())).format == "JPEG"
    assert preview_styles.fn("inbox/clip.mp4", ("wave",), stroke=2, max_side=64) != key
    with pytest.raises(UnknownStyle):
        preview_styles.fn("inbox/clip.mp4", (str(stored),))
    with pytest.raises(BlobNotFound):
        preview_styles.fn("inbox/other.mp4", ("wave",))
