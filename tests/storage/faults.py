"""Servers that never answer at all."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def deaf_server(reads_each_s: float | None = None, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that accepts and never answers; it reads nothing, or 16 KiB now and then."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)  # so that a sender soon has to wait

        def hold(connection: socket.socket) -> None:
            with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as talking:
                while not over.wait(reads_each_s or 0.1):
                    if reads_each_s and not talking.recv(1 << 14):
                        return

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=hold, args=(listener.accept()[0],), daemon=True).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
