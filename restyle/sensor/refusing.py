"""What is refused is put aside with the reason beside it, so that whoever dropped it finds both."""

from contextlib import suppress

from restyle.errors import BlobChanged, BlobNotFound
from restyle.layout import reason, rejected_trigger
from restyle.sensor.drops import is_trigger
from restyle.storage import BlobInfo, Store

MOVED_BYTES = 16 << 20  # what is moved passes through memory; no trigger in good faith is a thousandth of it


def put_aside(data: Store, blob: BlobInfo, words: str) -> bool:
    """Move a trigger to the rejected ones with the reason beside it; False where the blob stays where it is.

    A video stays, with the reason beside it, and so does a trigger of monstrous size. All of this can be done twice,
    and stopped anywhere between: the trigger goes last, and only if it is still the one that was refused.
    """
    if not is_trigger(blob.key):
        data.write(reason(blob.key), _sheet(words, "Move it into the folder of a style"))
        return False
    aside = rejected_trigger(blob.key)
    data.write(reason(aside), _sheet(words, "Correct it and put it into triggers/ again"))
    if blob.size_bytes > MOVED_BYTES:
        return False
    with suppress(BlobNotFound, BlobChanged):  # moved by another sensor, or a new version, which is new work
        data.write(aside, data.read(blob.key, 0, blob.size_bytes))
        data.delete(blob.key, blob.etag)
    return True


def _sheet(words: str, remedy: str) -> bytes:
    return f"{words}\n\n{remedy}; nothing was painted for it.\n".encode()
