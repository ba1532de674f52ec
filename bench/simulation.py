"""What runs take on so many workers: a discrete-event model of flows, their batches and the machines that paint them.

It knows what restyle does, in the order in which it does it; what each step costs is given to it.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from typing import NamedTuple

READ_THREADS = 4  # of reassembly: restyle.reassembly.READ_THREADS
RESERVE = 3  # batches submitted for each worker: flows.request.Request.in_flight


@dataclass(frozen=True)
class Costs:
    """Seconds each, on the machine that does it."""

    start_s: float
    """of a run, before and after its painting: the flow, its constant steps, the report"""
    probe_s: float
    """a frame of the source, decoded once on the run's machine"""
    verify_s: float
    """a frame of the output, decoded once more there"""
    join_s: float
    """a frame, its packet stamped and written"""
    split_s: float
    """a frame decoded into an image on the run's machine; 0 in direct mode, where workers decode"""
    submit_s: float
    """a batch, one after another in the flow's own thread"""
    record_s: float
    """a batch of an output that is put together: its segment looked up and fetched, with READ_THREADS"""
    batch_s: float
    """a batch on a worker, beside its frames"""
    frame_s: float
    """a frame on a worker"""


class Prediction(NamedTuple):
    """Of all runs together."""

    wall_s: float
    busy_s: float
    """of workers, summed"""
    painting_s: float
    """from the first batch to the last, as long as workers are paid for"""
    runs_s: float
    """of the runs' own machines, summed"""


@dataclass
class _Run:
    frames: int
    begun: float = 0.0
    submitted: int = 0
    ended: int = 0
    blocked: bool = False


@dataclass
class Simulation:
    """So many workers, and runs of which so many go on at once."""

    costs: Costs
    workers: int
    batch_size: int
    at_once: int
    now: float = 0.0
    _busy_s: float = 0.0
    _runs_s: float = 0.0
    _first: float = float("inf")
    _last: float = 0.0
    _free: int = field(init=False)
    _events: list[tuple[float, int, str, _Run]] = field(default_factory=list)
    _queue: list[tuple[int, int, _Run, float]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        self._free = self.workers

    def of(self, videos: list[int]) -> Prediction:
        """Paint videos of so many frames, one run each."""
        waiting = deque(_Run(frames) for frames in videos)
        for _ in range(min(self.at_once, len(waiting))):
            self._begin(waiting.popleft())
        while self._events:
            self.now, _, what, run = heapq.heappop(self._events)
            if what == "submit":
                self._submit(run)
            elif what == "ended":
                self._end(run)
            else:
                self._runs_s += self.now - run.begun
                if waiting:
                    self._begin(waiting.popleft())
            while self._free and self._queue:
                self._work(*heapq.heappop(self._queue)[2:])
        return Prediction(self.now, self._busy_s, self._last - self._first, self._runs_s)

    def _begin(self, run: _Run) -> None:
        run.begun = self.now
        self._at(self.now + self.costs.start_s + run.frames * self.costs.probe_s, "submit", run)

    def _submit(self, run: _Run) -> None:
        """The flow's thread: a batch goes into the queue, by its place in its own run; then the next is made ready."""
        if run.submitted - run.ended >= RESERVE * self.workers:
            run.blocked = True
            return
        size = min(self.batch_size, run.frames - run.submitted * self.batch_size)
        heapq.heappush(self._queue, (run.submitted - run.ended, next(self._order), run, size))
        run.submitted += 1
        if run.submitted * self.batch_size < run.frames:
            self._at(self.now + max(self.costs.submit_s, self.batch_size * self.costs.split_s), "submit", run)

    def _work(self, run: _Run, size: float) -> None:
        self._free -= 1
        took = self.costs.batch_s + size * self.costs.frame_s
        self._busy_s += took
        self._first = min(self._first, self.now)
        self._at(self.now + took, "ended", run)

    def _end(self, run: _Run) -> None:
        self._free += 1
        self._last = self.now
        run.ended += 1
        if run.blocked:
            run.blocked = False
            self._at(self.now, "submit", run)
        if run.ended == ceil(run.frames / self.batch_size):
            joined = run.frames * (self.costs.join_s + self.costs.verify_s)
            self._at(self.now + joined + run.ended * self.costs.record_s / READ_THREADS, "over", run)

    def _at(self, when: float, what: str, run: _Run) -> None:
        heapq.heappush(self._events, (when, next(self._order), what, run))
