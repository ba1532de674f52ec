"""From a dropped blob to the order it stands for, or to the reason why it is refused."""

import codecs
from collections.abc import Callable

from pydantic import ValidationError

from restyle.errors import BlobNotFound, OrderRefused
from restyle.order import VideoOrder, faults
from restyle.sensor.drops import style_of
from restyle.storage import BlobInfo, Store

MAX_TRIGGER_BYTES = 64 << 10


def order_of(data: Store, blob: BlobInfo, is_whole: Callable[[BlobInfo], bool]) -> VideoOrder | None:
    """What a trigger asks for, or a video in a style's folder; None while the video is not whole.

    Raises OrderRefused, and BlobNotFound where the blob itself is gone.
    """
    style = style_of(blob.key)
    if style is not None:
        return _validated(lambda: VideoOrder(video=blob.key, style=style))
    if blob.size_bytes > MAX_TRIGGER_BYTES:
        raise OrderRefused(f"{blob.size_bytes} bytes: a trigger has at most {MAX_TRIGGER_BYTES}; say less in it")
    text = data.read(blob.key, 0, MAX_TRIGGER_BYTES + 1)  # another may have taken its place since it was listed
    text = text.removeprefix(codecs.BOM_UTF8)  # some editors begin every file with this mark
    order = _validated(lambda: VideoOrder.model_validate_json(text))
    named = [_named(data, "video", order.video)]
    if order.painting:
        named.append(_named(data, "painting", order.painting))
    return order if all(is_whole(each) for each in named) else None


def _validated(make: Callable[[], VideoOrder]) -> VideoOrder:
    try:
        return make()
    except ValidationError as error:
        raise OrderRefused(faults(error)) from None


def _named(data: Store, field: str, key: str) -> BlobInfo:
    try:
        return data.stat(key)
    except BlobNotFound:
        raise OrderRefused(f"{field}: the data store has no {key!r}; put it there first") from None
