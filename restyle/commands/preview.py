"""`restyle preview`: a sheet of a few frames in each style, painted here and now."""

import argparse
import tempfile
from pathlib import Path

from models.styles import shipped
from restyle.commands.options import look_of, video_at, writable
from restyle.commands.progress import showing_progress
from restyle.errors import UnsupportedOutput
from restyle.media.probe import check_video
from tasks.previews import preview as paint_preview
from tasks.styles import resolve_style

SUFFIXES = (".jpg", ".jpeg", ".png")


def preview(options: argparse.Namespace) -> int:
    """Paint the sheet; prints its absolute path."""
    name = Path(options.video.removeprefix("data:"))
    target = writable(Path(options.output or f"{name.stem}-preview.jpg"), "sheet.jpg")
    if target.suffix.lower() not in SUFFIXES:
        raise UnsupportedOutput(f"{target} is no kind of sheet; end its name in {', '.join(SUFFIXES)}")
    styles = [resolve_style(style) for style in options.style or shipped()]
    with showing_progress(), tempfile.TemporaryDirectory() as folder:
        source = video_at(options.video, Path(folder))
        check_video(source)
        sheet = paint_preview(source, name.name, styles, look_of(options), target.suffix.lower())
    target.write_bytes(sheet)
    print(target)
    return 0
