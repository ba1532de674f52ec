"""The flow behind the dashboard's form for previews: a stored video, named styles, numbers; nothing that could run."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import flow

from flows.forms import Pixels, Strength, Stroke, Style
from flows.sweeping import attending
from models.styles import shipped
from restyle.job import Look
from restyle.layout import preview_sheet
from restyle.mix import file_words
from restyle.order import StoreKey
from restyle.progress import step
from restyle.room import download_video
from tasks.previews import preview
from tasks.stores import open_stores
from tasks.styles import resolve_named


@flow(name="preview-styles", flow_run_name="{video}", persist_result=False)
@attending()
def preview_styles(
    video: StoreKey,
    styles: tuple[Style, ...] = (),
    strength: Strength = 1.0,
    keep_color: bool = False,
    stroke: Stroke = 1.0,
    max_side: Pixels = 480,
) -> str:
    """Paint a few frames of a stored video in several styles. Returns the data-store key of the sheet.

    Args:
        video: The video's key in the data store, as it is listed there: videos/clip.mp4
        styles: Names of styles, or mixes of them such as starry_night:0.6,wave:0.4. None named: all that come along.
        strength: How much of the style: 0 leaves the frames as they are, 1 paints fully.
        keep_color: Paint with the strokes of the style, in the colours of the video.
        stroke: Broader strokes above 1, finer ones below.
        max_side: The longer side of the frames on the sheet, in pixels.
    """
    data = open_stores().data
    look = Look(strength=strength, keep_color=keep_color, stroke=stroke, max_side=max_side)
    chosen = [resolve_named(style) for style in styles or shipped()]
    etag = data.stat(video).etag
    parts = (etag, *(style.ref.sha256 for style in chosen), look.model_dump_json())
    key = preview_sheet(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12], file_words(Path(video).stem))
    with TemporaryDirectory() as folder:
        source = Path(folder) / Path(video).name
        step("fetching the video")
        download_video(data, video, source)
        data.write(key, preview(source, source.name, chosen, look))
    return key
