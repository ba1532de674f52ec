"""HTTP sessions of which every request ends in bounded time, even when bytes trickle, and that log no signature."""

import io
import logging
import re
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from restyle.storage.timeouts import Timeouts

_SENT_AT_ONCE_BYTES = 1 << 16
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_current = threading.local()  # deadline and idle_s of the request that this thread is making


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


class BoundedSession(requests.Session):
    """A session of which every request, body included, is over within ``timeouts.attempt_s``.

    It keeps up to ``connections`` connections open, reads each body whole (so that whoever retries a request retries
    its body too), and asks no proxy for this machine itself.
    """

    def __init__(self, connections: int, timeouts: Timeouts) -> None:
        super().__init__()
        self._timeouts = timeouts
        for scheme in ("http://", "https://"):
            self.mount(scheme, _BoundedAdapter(pool_maxsize=connections))
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(_SIGNATURES)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # requests' own options
        """Raises requests' exceptions, of the body too."""
        _current.deadline, _current.idle_s = time.monotonic() + self._timeouts.attempt_s, self._timeouts.idle_s
        timeout = (self._timeouts.connect_s, self._timeouts.idle_s)
        return super().send(request, **{**kwargs, "timeout": timeout, "stream": False})

    def merge_environment_settings(self, url: Any, proxies: Any, *others: Any) -> Any:  # as requests calls it
        """The environment's proxies and certificates, as requests reads them."""
        if is_loopback(str(url)):
            proxies = {**(proxies or {}), "no_proxy": urlsplit(str(url)).hostname}
        return super().merge_environment_settings(url, proxies, *others)


class _BoundedSocket:
    """A socket of which every call ends with the request's deadline, and after ``idle_s`` without a byte.

    A socket's own time-out starts anew with each byte received, so a peer that trickles would hold a request for
    ever; and urllib3 sends a connection's first request, however large, with the time-out of connecting.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # the rest of socket.socket, of whatever type
        return getattr(self._inner, name)

    def sendall(self, data: Any) -> None:  # any buffer
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _SENT_AT_ONCE_BYTES):
            self.arm()
            self._inner.sendall(view[start : start + _SENT_AT_ONCE_BYTES])

    def makefile(self, _mode: str = "rb", _buffering: int = -1) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self, self._inner.makefile("rb", buffering=0)))

    def arm(self) -> None:
        """Bound the next call of the system."""
        left = _current.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request's time is over")
        self._inner.settimeout(min(left, _current.idle_s))


class _BoundedReader(io.RawIOBase):
    def __init__(self, owner: _BoundedSocket, raw: io.RawIOBase | socket.SocketIO) -> None:
        super().__init__()
        self._owner, self._raw = owner, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # any writable buffer
        self._owner.arm()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _BoundedSocket(self.sock)


class _TLSConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _BoundedSocket(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _BoundedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # as requests passes them on
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}


class _Signatures(logging.Filter):
    """Takes the signature out of the addresses that urllib3 logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"(sig=)[^&\s'\"]+", r"\1***", record.getMessage()), ()
        return True


_SIGNATURES = _Signatures()
