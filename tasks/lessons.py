"""From what a user asks to learn to what is learned: the painting, the pictures, the start, and their common id."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import Image
from pydantic import Field
from torch import Tensor

from models.checkpoint import StyleCard, read_checkpoint
from models.network import FAST
from models.paintings import MAX_BYTES, Painting, read_painting
from models.pictures import (
    MAX_SIDE,
    identity,
    is_picture,
    packaged_photographs,
    picture_pyramid,
    read_pictures,
    spread,
)
from models.styles import shipped
from restyle.contact_sheet import sample_frames
from restyle.domain import Engine, Frozen
from restyle.errors import BadCheckpoint, BadPainting, BlobNotFound, UnknownStyle, UnsupportedMedia
from restyle.media.decode import FrameDecoder
from restyle.media.probe import check_video, probe_video
from restyle.room import download_video
from restyle.settings import Settings
from tasks.stores import open_stores

LESSON_VERSION = 6
"""Raised when the recipe changes: styles that were trained by another are then trained again."""
BLOB = "data:"
TRAINED_ENGINES: tuple[Engine, ...] = ("auto", "full")
"""What paints by a network that a painting is made into, where it is given in place of a style."""
NEAREST, SCRATCH = "nearest", "scratch"
VIDEO_FRAMES = 32
"""Of a video to learn on: more would show the same scenes again."""

Pyramids = list[list[Tensor]]
T = TypeVar("T")


class TrainingOrder(Frozen):
    """What a training is asked for."""

    painting: str = Field(description="an image file, or data:KEY for a blob of the data store")
    photographs: str | None = Field(default=None, description="a folder of pictures to learn on, or data:PREFIX")
    video: str | None = Field(default=None, description="a video whose frames to learn on, or data:KEY")
    start: str = Field(default=NEAREST, description="nearest, scratch, a style's name or a checkpoint file")
    minutes: float | None = Field(default=None, gt=0, description="how long to train; None leaves it to the device")
    steps: int | None = Field(default=None, ge=1, description="steps to train, instead of minutes")

    @property
    def title(self) -> str:
        """The painting's name, without folders and suffix."""
        return Path(self.painting.removeprefix(BLOB)).stem


def is_painting(style: str | None) -> bool:
    """Whether what a user calls a style is an image, by the end of its name, rather than a style's name or file."""
    return style is not None and style not in shipped() and is_picture(style)


class Pictures(NamedTuple):
    """Pictures to learn on, not yet read."""

    words: str
    identity: str
    read: Callable[[int], Pyramids]
    """takes the least size of a shorter side, in pixels"""


class Training(NamedTuple):
    """An order whose inputs were looked at and found sound."""

    training_id: str
    painting: Painting
    pictures: Pictures
    card: StyleCard


def prepare(order: TrainingOrder) -> Training:
    """Look at everything an order names. Raises BadPainting, UnknownStyle, BadCheckpoint and UnsupportedMedia."""
    painting = read_painting(content_of(order.painting), order.painting)
    pictures = choose_pictures(order)
    begins = start = order.start
    if start not in (NEAREST, SCRATCH):
        checkpoint = read_checkpoint(start_file(start))
        if checkpoint.card.architecture == FAST:
            raise BadCheckpoint(f"--from {start}: a network of the fast engine; begin from a full one")
        begins, start = Path(start).stem, checkpoint.sha256
    # Without a wish, whatever device trains first decides: its style serves every machine.
    budget = [order.minutes, order.steps]
    parts = [LESSON_VERSION, painting.sha256, pictures.identity, start, budget]
    training_id = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    card = StyleCard(
        name=order.title,
        painting=Path(order.painting.removeprefix(BLOB)).name,
        recipe=f"perceptual losses with a stability term, from {begins}, on {pictures.words}",
    )
    return Training(training_id, painting, pictures, card)


def training_folder(training: Training) -> Path:
    """Where a training keeps its state on this machine until it is done."""
    return Settings().home / "training" / training.training_id


def content_of(name: str) -> bytes:
    """The bytes of a painting's file or blob. Raises BadPainting where there is none, or far too many."""
    too_large = f"{name}: more than {MAX_BYTES} bytes; scale the picture down"
    try:
        if name.startswith(BLOB):
            data, key = open_stores().data, name.removeprefix(BLOB)
            if data.stat(key).size_bytes > MAX_BYTES:
                raise BadPainting(too_large)
            return data.read(key)
        path = Path(name)
        if path.stat().st_size > MAX_BYTES:
            raise BadPainting(too_large)
        return path.read_bytes()
    except OSError as error:
        raise BadPainting(f"{name}: cannot be read ({error.strerror}); pass an image file") from error
    except BlobNotFound as error:
        raise BadPainting(f"{name}: the data store has no such blob; check the key") from error


def start_file(start: str) -> Path:
    """The file of the style to begin from. Raises UnknownStyle."""
    known = shipped()
    path = known[start].path if start in known else Path(start)
    if not path.is_file():
        raise UnknownStyle(f"--from {start}: no such style; pass nearest, scratch, {', '.join(known)}, or a checkpoint")
    return path


def choose_pictures(order: TrainingOrder) -> Pictures:
    """The pictures an order names, else the packaged photographs."""
    if order.video:
        return _frames_of(order.video)
    if order.photographs is None:
        return _pictures("the photographs of scikit-image", packaged_photographs())
    if order.photographs.startswith(BLOB):
        return _blobs_under(order.photographs)
    folder = Path(order.photographs)
    if not folder.is_dir():
        raise BadPainting(f"--photographs {folder}: not a folder; name one with pictures in it")
    paths = sorted(path for path in folder.rglob("*") if is_picture(path.name) and path.is_file())
    return _pictures(f"{len(paths)} pictures of {folder.name}", _some(paths, str(folder)))


def _pictures(words: str, paths: list[Path]) -> Pictures:
    def read(smallest_side: int) -> Pyramids:
        return read_pictures(((str(path), path.read_bytes()) for path in paths), smallest_side)

    try:
        return Pictures(words, identity(path.read_bytes() for path in paths), read)
    except OSError as error:
        raise BadPainting(f"{error.filename}: cannot be read ({error.strerror}); take it out of the folder") from error


def _blobs_under(prefix: str) -> Pictures:
    data = open_stores().data
    blobs = _some([blob for blob in data.list(prefix.removeprefix(BLOB)) if is_picture(blob.key)], prefix)

    if large := [blob.key for blob in blobs if blob.size_bytes > MAX_BYTES]:
        raise BadPainting(f"{large[0]}: more than {MAX_BYTES} bytes; scale the picture down")

    def read(smallest_side: int) -> Pyramids:
        return read_pictures(((blob.key, data.read(blob.key, size=MAX_BYTES)) for blob in blobs), smallest_side)

    return Pictures(f"pictures under {prefix}", identity(f"{b.key} {b.etag}".encode() for b in blobs), read)


def _some(found: list[T], place: str) -> list[T]:
    if not found:
        raise BadPainting(f"--photographs {place}: no pictures there; name a place that has some")
    return spread(found)


def _frames_of(video: str) -> Pictures:
    if video.startswith(BLOB):
        try:
            known = open_stores().data.stat(video.removeprefix(BLOB)).etag
        except BlobNotFound as error:
            raise UnsupportedMedia(f"{video}: the data store has no such blob; check the key") from error
    else:
        check_video(Path(video))
        with Path(video).open("rb") as file:
            known = hashlib.file_digest(file, "sha256").hexdigest()

    def read(smallest_side: int) -> Pyramids:
        return [picture_pyramid(frame, smallest_side) for frame in _some_frames(video)]

    return Pictures(f"frames of {Path(video).name}", identity([known.encode()]), read)


def _some_frames(video: str) -> Iterator[Image.Image]:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(video)
        if video.startswith(BLOB):
            source = Path(folder) / "video"
            download_video(open_stores().data, video.removeprefix(BLOB), source)
        info = probe_video(source)
        with FrameDecoder(source, info, MAX_SIDE) as decoder:
            for number in sample_frames(info.frame_count, VIDEO_FRAMES):
                for frame in decoder.frames(number, number + 1):
                    yield Image.fromarray(frame)
