"""A look at styles on a few frames of a video, painted in this process: no server, no cluster, no store."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.runtime import choose_numeric_path
from restyle.contact_sheet import sample_frames
from restyle.domain import VideoInfo
from restyle.images import Pixels
from restyle.job import Look
from restyle.media.decode import FrameDecoder
from restyle.media.probe import probe_video
from restyle.preview_sheet import Row, preview_sheet
from restyle.progress import step
from tasks.painters import make_painter
from tasks.styles import Chosen


def preview(source: Path, title: str, styles: Sequence[Chosen], look: Look, suffix: str = ".jpg") -> bytes:
    """An image file, JPEG or PNG by its suffix: the source's frames above, then a row for each style.

    Painted at look.max_side, where strokes are larger in the picture than at the size of the video. Raises what the
    probe, the decoder and the loading of a style raise.
    """
    step("looking at the video")
    info = probe_video(source)
    numbers = sample_frames(info.frame_count)
    with FrameDecoder(source, info, look.max_side) as decoder:
        frames = np.stack([frame for n in numbers for frame in decoder.frames(n, n + 1)])
        subtitle = f"painted at {decoder.width}x{decoder.height}{_words(look)}"
    rows = [Row("source", f"{info.width}x{info.height}", list(frames))]
    for chosen in styles:
        step(f"painting in {chosen.ref.name}")
        rows.append(Row(chosen.ref.name, chosen.origin, list(_painted(chosen, look, frames))))
    sheet = preview_sheet(title, subtitle, [_clock(info, n) for n in numbers], rows)
    buffer = io.BytesIO()
    sheet.save(buffer, "png" if suffix == ".png" else "jpeg", quality=92, subsampling=0)
    return buffer.getvalue()


def _painted(chosen: Chosen, look: Look, frames: Pixels) -> Pixels:
    apart = look.model_copy(update={"smooth": 0.0})  # the frames do not follow each other
    return make_painter(chosen.ref, choose_numeric_path(), apart, chosen.files.__getitem__)(frames)


def _words(look: Look) -> str:
    """What differs from the default look."""
    words = [f"strength {look.strength:g}"] * (look.strength != 1)
    words += ["source colours"] * look.keep_color + [f"stroke {look.stroke:g}"] * (look.stroke != 1)
    return "".join(f", {word}" for word in words)


def _clock(info: VideoInfo, frame: int) -> str:
    """When a frame is shown, counted from the first: 1:02.5."""
    seconds = float((info.pts[frame] - info.pts[0]) * info.time_base)
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
