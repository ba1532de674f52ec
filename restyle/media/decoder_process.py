"""The parent's side of a decoder process: started, listened to with a time limit, and reaped on every way out."""

import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from restyle.errors import DecodingFailed, UnsupportedMedia
from restyle.media import limits, wire
from restyle.media.ranged import RangedVideo, RangeServer

# What a decoder needs of the environment; secrets in the rest are none of its business.
_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
)


def open_video(path: Path) -> int:
    """A file descriptor of a local video file. Raises UnsupportedMedia where there is no such readable file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a named pipe must not block
    except FileNotFoundError:
        raise UnsupportedMedia(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise UnsupportedMedia(f"{path}: cannot be opened ({error.strerror}); check the path and its rights") from error
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and 0 < status.st_size <= limits.MAX_FILE_BYTES:
        return fd
    os.close(fd)
    if stat.S_ISDIR(status.st_mode):
        raise UnsupportedMedia(f"{path}: is a folder; pass a video file")
    if not stat.S_ISREG(status.st_mode):
        raise UnsupportedMedia(f"{path}: is not a regular file; pass a video file")
    if not status.st_size:
        raise UnsupportedMedia(f"{path}: is empty (0 bytes); pass a video file")
    raise UnsupportedMedia(
        f"{path}: has {status.st_size} bytes, above the limit of {limits.MAX_FILE_BYTES}; cut it first"
    )


class DecoderProcess:
    """A child that decodes one video; a context manager that kills and reaps it."""

    def __init__(self, path: Path | RangedVideo, module: str, detail: str) -> None:
        """module: probe_child or decode_child; detail: what it takes as its argument."""
        self.path = path
        self._stderr_tail = bytearray()
        self._server = RangeServer(path) if isinstance(path, RangedVideo) else None
        fds = self._server.child_fds if self._server else (open_video(Path(str(path))),)
        words = self._server.words if self._server else str(fds[0])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"restyle.media.{module}", words, detail],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=fds,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"OMP_NUM_THREADS": "1"},
            )
        finally:
            for fd in fds:
                os.close(fd)
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._commands, self._messages, self._stderr = (
            self._process.stdin,
            self._process.stdout,
            self._process.stderr,
        )
        self._selector = selectors.DefaultSelector()
        for stream in (self._messages, self._stderr):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the child and wait for its end; harmless when it is gone."""
        self._process.kill()
        self._process.wait()
        self._selector.close()
        for stream in (self._commands, self._messages, self._stderr):
            stream.close()

    def require_read(self) -> None:
        """Raises what kept the child from reading its video, if something did."""
        if self._server and self._server.error:
            raise self._server.error

    def ask(self, start: int, stop: int, key: int = -1, key_pts: int = 0) -> None:
        """Ask for frames [start, stop): what follows what was asked for already, or, from a key frame, any others."""
        try:
            self._commands.write(b"%d %d %d %d\n" % (start, stop, key, key_pts))
        except BrokenPipeError as error:
            raise self._failure() from error

    def header(self) -> wire.Header:
        """The next message that says more than progress. Its payload, if it has one, must be read next.

        Raises UnsupportedMedia where the child refuses the file, DecodingFailed where it fails, dies or hangs.
        """
        buffer = bytearray(wire.HEADER.size)
        while True:
            self.read_into(buffer)
            header = wire.unpack(buffer)
            if header.size > limits.MAX_MESSAGE_BYTES:
                raise DecodingFailed(f"{self.path}: its decoder sent a message of {header.size} bytes")
            if header.kind in (wire.REFUSED, wire.FAILED):
                self.require_read()
            if header.kind == wire.REFUSED:
                raise UnsupportedMedia(f"{self.path}: {self.json(header)}")
            if header.kind == wire.FAILED:
                raise DecodingFailed(f"{self.path}: the decoder failed: {self.json(header)}{self._said()}")
            if header.kind != wire.PROGRESS:
                return header

    def json(self, header: wire.Header) -> Any:  # Any: what JSON holds
        """The payload of this message as JSON."""
        payload = bytearray(header.size)
        self.read_into(payload)
        return json.loads(payload)

    def read_into(self, target: bytearray | memoryview) -> None:
        """Fill target with what the child says next, keeping the end of what it complains of.

        Raises DecodingFailed when it dies, or says nothing for limits.STALL_S seconds.
        """
        rest = memoryview(target).cast("B")
        deadline = time.monotonic() + limits.STALL_S
        while rest:
            ready = [key.fileobj for key, _ in self._selector.select(max(0, deadline - time.monotonic()))]
            if self._stderr in ready:
                self._keep_stderr()
            if self._messages in ready:
                count = os.readv(self._messages.fileno(), [rest])
                if not count:
                    raise self._failure()
                rest = rest[count:]
                deadline = time.monotonic() + limits.STALL_S
            elif time.monotonic() >= deadline:
                waited = f"{limits.STALL_S:.0f} s"
                raise DecodingFailed(f"{self.path}: the decoder showed no progress for {waited}; ended{self._said()}")

    def _keep_stderr(self) -> None:
        said = self._stderr.read(65536)
        if not said:  # closed
            self._selector.unregister(self._stderr)
            return
        self._stderr_tail += said
        del self._stderr_tail[: -limits.STDERR_TAIL_BYTES]

    def _said(self) -> str:
        tail = self._stderr_tail.decode(errors="replace").strip()
        return f"; it said: {tail}" if tail else ""

    def _failure(self) -> DecodingFailed:
        """The child has closed its end: name its exit status and last words."""
        self._process.kill()
        code = self._process.wait()
        while self._stderr in [key.fileobj for key in self._selector.get_map().values()]:
            self._selector.select()
            self._keep_stderr()
        if code == -signal.SIGXCPU:
            hours = limits.CHILD_CPU_S // 3600
            return DecodingFailed(
                f"{self.path}: decoding took {hours} hours of processor time, the limit; cut it first"
            )
        return DecodingFailed(f"{self.path}: the decoder ended early (exit status {code}){self._said()}")
