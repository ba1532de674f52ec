"""Witnesses of what a process did: a file that notices being opened, a port that notices being called."""

import ctypes
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_IN_OPEN, _IN_NONBLOCK, _IN_CLOEXEC = 0x20, 0o4000, 0o2000000
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Canary:
    """A file, and whether anybody opened it (as the kernel tells, by inotify)."""

    path: Path
    inotify: int

    def opened(self) -> int:
        """How often, since this was asked last."""
        count = 0
        with suppress(BlockingIOError):
            while events := os.read(self.inotify, 65536):
                count += len(events) // _EVENT.size
        return count


@contextmanager
def canary(path: Path) -> Iterator[Canary]:
    """Watch a file that is there."""
    inotify = _libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
    assert inotify >= 0
    assert _libc.inotify_add_watch(inotify, bytes(path), _IN_OPEN) >= 0
    try:
        yield Canary(path, inotify)
    finally:
        os.close(inotify)


@dataclass
class Listener:
    """A port of this machine, for TCP and UDP, and how often it was called."""

    port: int
    calls: list[str] = field(default_factory=list)


@contextmanager
def listener() -> Iterator[Listener]:
    """Listen on loopback until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        heard = Listener(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", heard.port))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = tcp.accept()
                    heard.calls.append("tcp")
                    connection.close()

        def receive() -> None:
            with suppress(OSError):
                while udp.recv(65536) != b"over":
                    heard.calls.append("udp")

        threads = [threading.Thread(target=work) for work in (accept, receive)]
        for thread in threads:
            thread.start()
        try:
            yield heard
        finally:
            tcp.shutdown(socket.SHUT_RDWR)
            udp.sendto(b"over", ("127.0.0.1", heard.port))
            for thread in threads:
                thread.join()
