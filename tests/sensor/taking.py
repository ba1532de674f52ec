"""A server for the sensor's own tests, which keeps what a Prefect server promises of an idempotency key."""

import threading
import uuid
from collections.abc import Callable

from restyle.order import VideoOrder
from restyle.sensor import StartedRun


class Server:
    """Makes one run per key, whoever asks and how often."""

    def __init__(self) -> None:
        self.runs: dict[str, tuple[StartedRun, VideoOrder]] = {}
        self.asked = 0
        self.before: Callable[[VideoOrder], None] = lambda _: None
        """called before a run is made; may raise what a server may"""
        self._lock = threading.Lock()

    def start(self, order: VideoOrder, key: str) -> StartedRun:
        self.before(order)
        with self._lock:
            self.asked += 1
            run = StartedRun(run_id=str(uuid.uuid4()), name=order.video)
            return self.runs.setdefault(key, (run, order))[0]

    @property
    def orders(self) -> list[VideoOrder]:
        """Of the runs made, in their order."""
        return [order for _, order in self.runs.values()]

    @property
    def videos(self) -> list[str]:
        """Keys of their videos."""
        return [order.video for order in self.orders]
