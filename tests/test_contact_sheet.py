"""The contact sheet, from what others may write to."""

from pathlib import Path

import pytest

from restyle.contact_sheet import contact_sheet, in_small
from restyle.errors import FrameCorrupt
from restyle.layout import frames, image_name
from tests.jobs import small_job

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"


def test_a_stored_sheet_is_a_jpeg_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("a program was to be started"))
    with pytest.raises(OSError, match="cannot identify"):
        in_small(POSTSCRIPT)


def test_a_frame_is_read_no_further_than_an_image_of_its_size_can_be(tmp_path: Path) -> None:
    job = small_job(tmp_path)
    key = frames(job.plan.job.job_id) + image_name(1, "png")
    path = tmp_path / "data" / key
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # a terabyte, of which the file system keeps nothing
        file.write(b"\0" * 8)
    with pytest.raises(FrameCorrupt, match="not a readable image"):
        contact_sheet(job.data, job.plan)
