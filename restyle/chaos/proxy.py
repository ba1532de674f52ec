"""A proxy between a client and Azurite that spoils chosen answers."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Fault = Literal["none", "drop", "lose", "truncate", "flip", "500", "503", "delay", "silence", "trickle"]
"""drop: close before the request is passed on; lose: pass it on, then close without the answer; truncate: send half
of the body; flip: change one bit of the body; 500, 503: refuse; delay: answer late; silence: never answer; trickle: a
byte each 0.1 s."""

_REFUSALS = {"500": "InternalError", "503": "ServerBusy"}
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "proxy-connection"})
_SILENCE_S = 20.0
_DELAY_S = 2.0


@dataclass
class FaultyProxy:
    """What the proxy saw and how it decides."""

    port: int
    choose: Callable[[str, str], Fault] = field(default=lambda *_: "none")
    """takes a request's method and path"""
    requests: list[tuple[str, str, Fault]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    bytes_up: int = 0
    """of the bodies of requests"""
    bytes_down: int = 0
    """of those of the store's answers"""
    refused: int = 0
    """requests that the store itself answered with 403"""

    def through(self, spec: str) -> str:
        """The store's name with the proxy in place of Azurite."""
        upstream = spec.partition("://127.0.0.1:")[2].partition("/")[0]
        return spec.replace(f"://127.0.0.1:{upstream}/", f"://127.0.0.1:{self.port}/")

    def next_answers(self, *faults: Fault, method: str = "") -> None:
        """Spoil the next requests (of one method, if given) in this order, then none."""
        waiting = list(faults)
        lock = threading.Lock()

        def choose(this: str, _path: str) -> Fault:
            with lock:
                return waiting.pop(0) if waiting and (not method or method == this) else "none"

        self.choose = choose


@contextmanager
def faulty_proxy(upstream_url: str) -> Iterator[FaultyProxy]:
    """A proxy in front of Azurite for the length of the block."""
    upstream = urlsplit(upstream_url)
    over, counting = threading.Event(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.connections.add(self.client_address[1])
            with counting:
                proxy.bytes_up += len(body)
            fault = proxy.choose(self.command, self.path)
            proxy.requests.append((self.command, self.path, fault))
            if fault == "drop":
                self.close_connection = True
            elif fault == "silence":
                over.wait(_SILENCE_S)
                self.close_connection = True
            elif fault in _REFUSALS:
                self.answer(int(fault), [("x-ms-error-code", _REFUSALS[fault]), ("Content-Length", "0")], b"")
            else:
                if fault == "delay":
                    over.wait(_DELAY_S)
                self.answer_as(fault, *self.forward(body))

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any  # noqa: N815 - the names http.server looks for

        def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            kept = [(k, v) for k, v in response.getheaders() if k.lower() not in _HOP_BY_HOP | {"content-length"}]
            with counting:
                proxy.bytes_down += len(content)
            proxy.refused += response.status == HTTPStatus.FORBIDDEN
            size = str(len(content)) if self.command != "HEAD" else response.getheader("Content-Length", "0")
            return response.status, [*kept, ("Content-Length", size)], content

        def answer_as(self, fault: Fault, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            if fault == "lose":
                self.close_connection = True
                return
            if fault == "truncate":
                content, self.close_connection = content[: len(content) // 2], True
            if fault == "flip":
                content = bytes([content[0] ^ 1]) + content[1:]
            self.answer(status, headers, content, slowly=fault == "trickle")

        def answer(self, status: int, headers: list[tuple[str, str]], content: bytes, slowly: bool = False) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            if not slowly:
                self.wfile.write(content)
            for byte in content if slowly else b"":
                self.wfile.write(bytes([byte]))
                if over.wait(0.1):
                    return

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *args: Any) -> None:
            """A client that gave up is what this is for."""

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = FaultyProxy(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            over.set()
            server.shutdown()
            thread.join()
