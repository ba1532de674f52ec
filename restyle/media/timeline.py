"""The time stamps of decoded frames: strictly increasing, and made up only where the file has none."""

from collections.abc import Sequence
from fractions import Fraction

from restyle.domain import VideoInfo


class Clock:
    """Gives each frame, in order, its time stamp in ticks.

    A stamp the file has is kept. A frame without one comes one step after its predecessor. A stamp that repeats or
    falls back a little becomes its predecessor's plus one tick, so that no frame is lost; one that falls back by more
    than a second starts a new piece (a spliced broadcast), which is moved to follow on.
    """

    def __init__(self, first: int, step: int, ticks_per_s: int) -> None:
        self._next = first
        self._step = step
        self._ticks_per_s = ticks_per_s
        self._last: int | None = None
        self._shift = 0

    def stamp(self, pts: int | None) -> int:
        """The time stamp for a frame that came with pts, or with none."""
        if pts is None:
            stamp = self._next
        else:
            stamp = pts + self._shift
            if self._last is not None and stamp < self._last - self._ticks_per_s:
                self._shift += self._next - stamp
                stamp = self._next
        if self._last is not None:
            stamp = max(stamp, self._last + 1)
        self._last = stamp
        self._next = stamp + self._step
        return stamp


def first_stamp(stamps: Sequence[int | None], step: int) -> int:
    """Time stamp of the first frame: counted back from the first frame that has one, 0 where none has."""
    for position, pts in enumerate(stamps):
        if pts is not None:
            return pts - position * step
    return 0


def step_in_ticks(rate: Fraction | None, time_base: Fraction) -> int:
    """Ticks between frames at this rate; 25 a second where the file names none."""
    return max(1, round(1 / ((rate or Fraction(25)) * time_base)))


def ticks_per_second(time_base: Fraction) -> int:
    """Ticks in a second, at least one."""
    return max(1, round(1 / time_base))


def shortest_step_s(info: VideoInfo) -> float:
    """The shortest time, in seconds, between two frames; of a single frame, its duration."""
    steps = [b - a for a, b in zip(info.pts, info.pts[1:], strict=False)] or [info.last_duration]
    return float(min(steps) * info.time_base)
