"""Joining segments: packets get the source's time stamps, and nothing is encoded again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC
from fractions import Fraction
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import NamedTuple

import av
import av.error

from restyle.domain import VideoInfo
from restyle.errors import DiskFull, EncodingFailed

# Ticks per second of an output: enough for its start to meet the sound's, few enough for MP4's 32-bit offsets between
# frames (2.4 hours).
_COARSEST, _FINEST = 10_000, 240_000


class FrameTimes(NamedTuple):
    """When each frame of the output is shown, in ticks of time_base seconds, and for how long the last one is."""

    time_base: Fraction
    pts: Sequence[int]
    last_duration: int


def frame_times(info: VideoInfo, zero: Fraction) -> FrameTimes:
    """The source's frame times on a clock that starts `zero` seconds into the source's, in whole ticks.

    Steps between frames are exact wherever the source's clock has at most 240,000 ticks a second, else within 2.1 us.
    The start alone is rounded, by at most 50 us.
    """
    offsets = [pts - info.pts[0] for pts in info.pts]
    tick = info.time_base * (gcd(*offsets, info.last_duration) or 1)
    rate = tick.denominator
    rate = rate * -(-_COARSEST // rate) if rate <= _FINEST else _FINEST
    start = round((info.pts[0] * info.time_base - zero) * rate)
    scale = info.time_base * rate
    pts = [start + round(offset * scale) for offset in offsets]
    return FrameTimes(Fraction(1, rate), pts, round(info.last_duration * scale))


def join_segments(segments: Sequence[Path], times: FrameTimes, target: Path) -> None:
    """Write the segments' packets, in order, into one MP4 file of pictures alone, stamped with `times`.

    Raises EncodingFailed when the segments do not hold exactly that many frames, or differ in their headers.
    """
    orders = [_display_order(segment) for segment in segments]
    count = sum(map(len, orders))
    if count != len(times.pts):
        raise EncodingFailed(f"{len(segments)} segments hold {count} frames instead of {len(times.pts)}; run again")
    delay = max(place - shown for order in orders for place, shown in enumerate(order))
    lead = times.pts[1] - times.pts[0] if count > 1 else 1
    end = times.pts[-1] + times.last_duration
    durations = [*(b - a for a, b in pairwise(times.pts)), times.last_duration]
    with _translated(target), _output_like(segments[0], times.time_base, target) as (container, stream):
        first = written = 0
        for segment, order in zip(segments, orders, strict=True):
            for packet, shown in zip(_packets(segment, stream.codec_context.extradata), order, strict=True):
                frame = first + shown
                decoded = written - delay  # the frame whose place in time this packet's decoding takes
                packet.stream = stream
                packet.time_base = times.time_base
                packet.pts = times.pts[frame]
                packet.dts = times.pts[decoded] if decoded >= 0 else times.pts[0] + decoded * lead
                packet.duration = durations[frame]
                if written == count - 1:  # players that add up the steps of decoding must come to the same length
                    packet.duration = min(end - delay * lead - packet.dts, end - packet.pts)
                container.mux(packet)
                written += 1
            first += len(order)


def _display_order(segment: Path) -> list[int]:
    """For each packet, in the order of decoding, the place of its frame in the order of display."""
    with _translated(segment), av.open(f"file:{segment}") as container:
        stamps = [packet.pts for packet in container.demux(video=0) if packet.size]
    places = {pts: place for place, pts in enumerate(sorted(stamp for stamp in stamps if stamp is not None))}
    if len(places) != len(stamps):
        raise EncodingFailed(f"{segment.name}: {len(stamps)} packets share {len(places)} time stamps; delete it")
    return [places[pts] for pts in stamps if pts is not None]


def _packets(segment: Path, headers: bytes | None) -> Iterator["av.Packet[av.VideoStream]"]:
    with av.open(f"file:{segment}") as container:
        stream = container.streams.video[0]
        if stream.codec_context.extradata != headers:
            raise EncodingFailed(f"{segment.name} was encoded with other options than the first segment; delete it")
        for packet in container.demux(stream):
            if packet.size:
                yield packet


@contextmanager
def _output_like(
    segment: Path, time_base: Fraction, target: Path
) -> Iterator[tuple[av.container.OutputContainer, av.VideoStream]]:
    with av.open(f"file:{segment}") as template, av.open(f"file:{target}", "w", format="mp4") as container:
        stream = container.add_stream_from_template(template.streams.video[0], opaque=True)
        stream.time_base = time_base
        yield container, stream


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, av.error.FFmpegError) as error:  # some of PyAV's errors are both
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(
                f"the disk with {path.parent} is full; free space there and run the same command again"
            ) from error
        raise EncodingFailed(f"{path.name}: {error}") from error
