"""Videos that are read in pieces: a decoder process asks over a pipe, its parent fetches from wherever they lie.

A decoder needs no credentials, no network and no copy of the file; whatever the store, it sees a file to seek in.
"""

import io
import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

REQUEST = struct.Struct("!QQ")  # first byte, number of bytes
ANSWER = struct.Struct("!q")  # bytes that follow; FAILED for none
FAILED = -1
BLOCK_BYTES = 1 << 20
BLOCKS = 16


class RangedVideo(NamedTuple):
    """A video by its name for people, its size, and a way to read some of its bytes."""

    name: str
    size_bytes: int
    read: Callable[[int, int], bytes]
    """takes the first byte and how many; clips at the end"""

    def __str__(self) -> str:
        return self.name


class RangeServer:
    """Answers a child's requests for bytes until the child is gone; `error` is what a read failed of, if one did."""

    def __init__(self, video: RangedVideo) -> None:
        self.error: Exception | None = None
        self._video = video
        self._requests, asked = os.pipe()
        answered, self._answers = os.pipe()
        self.child_fds = (answered, asked)
        threading.Thread(target=self._serve, name=f"ranges of {video}", daemon=True).start()

    @property
    def words(self) -> str:
        """What the child is told to find its end of the pipes by."""
        return ":".join(map(str, (*self.child_fds, self._video.size_bytes)))

    def _serve(self) -> None:
        with os.fdopen(self._requests, "rb") as requests, os.fdopen(self._answers, "wb", buffering=0) as answers:
            while len(asked := requests.read(REQUEST.size)) == REQUEST.size:
                try:
                    self._answer(answers, *REQUEST.unpack(asked))
                except BrokenPipeError:
                    return

    def _answer(self, answers: io.RawIOBase, start: int, size: int) -> None:
        try:
            data = self._video.read(start, size)
        except Exception as error:  # noqa: BLE001  (told to whoever waits for the child)
            self.error = error
            answers.write(ANSWER.pack(FAILED))
            return
        rest = memoryview(ANSWER.pack(len(data)) + data)
        while rest:
            rest = rest[answers.write(rest) :]


class RangedFile(io.RawIOBase):
    """The child's end: a file to read and seek in, with some blocks kept."""

    def __init__(self, answers: int, requests: int, size_bytes: int) -> None:
        super().__init__()
        self._answers, self._requests, self._size = answers, requests, size_bytes
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:  # typeshed's Buffer is there from Python 3.12 on
        """Some bytes, at most to the end of a block. Raises OSError where the parent cannot read."""
        target = memoryview(buffer).cast("B")
        number, within = divmod(self._position, BLOCK_BYTES)
        if self._position >= self._size or not target:
            return 0
        piece = self._block(number)[within : within + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._blocks[number] = self._fetch(number * BLOCK_BYTES)
            if len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, start: int) -> bytes:
        os.write(self._requests, REQUEST.pack(start, min(BLOCK_BYTES, self._size - start)))
        size = ANSWER.unpack(self._received(ANSWER.size))[0]
        if size == FAILED:
            raise OSError("the store does not give these bytes")
        return self._received(size)

    def _received(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = os.read(self._answers, size - len(data))
            if not piece:
                raise OSError("the parent is gone")
            data += piece
        return bytes(data)


def opener(words: str) -> Callable[[], io.RawIOBase]:
    """What gives a new file object over the video that a child was handed: a file descriptor, or a server's words."""
    numbers = [int(number) for number in words.split(":")]
    if len(numbers) == 1:
        return lambda: os.fdopen(os.dup(numbers[0]), "rb", buffering=0)
    return lambda: RangedFile(*numbers)
