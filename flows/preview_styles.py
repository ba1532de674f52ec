"""The flow behind the dashboard's form for previews: a stored video, named styles, numbers; nothing that could run."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import flow

from models.styles import shipped
from restyle.job import Look
from restyle.layout import preview_sheet
from restyle.mix import file_words
from restyle.progress import step
from tasks.previews import preview
from tasks.stores import open_stores
from tasks.styles import require_names, resolve_style

PREVIEW_LOOK = Look(max_side=480)


@flow(name="preview-styles", flow_run_name="{video}", persist_result=False)
def preview_styles(video: str, styles: tuple[str, ...] = (), look: Look = PREVIEW_LOOK) -> str:
    """Paint a few frames of a stored video in several styles, and return the data-store key of the sheet.

    Args:
        video: the data-store key of a video
        styles: names of styles, or mixes of them such as starry_night:0.6,wave:0.4; all where none is named
        look: how they are painted
    """
    data = open_stores().data
    for style in styles:
        require_names(style)
    chosen = [resolve_style(style) for style in styles or shipped()]
    etag = data.stat(video).etag
    parts = (etag, *(style.ref.sha256 for style in chosen), look.model_dump_json())
    key = preview_sheet(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12], file_words(Path(video).stem))
    with TemporaryDirectory() as folder:
        source = Path(folder) / Path(video).name
        step("fetching the video")
        data.download(video, source)
        data.write(key, preview(source, source.name, chosen, look))
    return key
