"""What tests read from finished files: packets, sound, boxes, as other programs find them."""

import hashlib
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray


class Sent(NamedTuple):
    """A packet: a hash of its payload, and its time in seconds after the first picture."""

    payload: str
    time_s: float


def first_picture_s(path: Path) -> Fraction:
    """When the first picture is shown, by the file's own clock."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.pts is not None and frame.time_base:
                return frame.pts * frame.time_base
    raise AssertionError(f"{path} shows nothing")


def sound_packets(path: Path, track: int = 0, zero_s: Fraction | None = None) -> list[Sent]:
    """The packets of an audio track, timed from the first picture (or zero_s)."""
    zero = first_picture_s(path) if zero_s is None else zero_s
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        return [
            Sent(hashlib.md5(bytes(packet)).hexdigest(), float(packet.pts * packet.time_base - zero))
            for packet in container.demux(stream)
            if packet.size and packet.pts is not None and packet.time_base
        ]


def sound(path: Path, track: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """An audio track's samples in mono at 48 kHz, and the time of each after the first picture, in seconds."""
    zero = first_picture_s(path)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=48000)
    samples, times = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[track]):
            start_s = float((frame.pts or 0) * (frame.time_base or 0) - zero)
            samples += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            times.append(start_s + np.arange(len(samples[-1])) / 48000)
    return np.concatenate(samples), np.concatenate(times)


def streams(path: Path) -> list[dict[str, Any]]:  # Any: strings and flags by name
    """Type, codec, tags and dispositions of each stream."""
    with av.open(str(path)) as container:
        return [
            {
                "type": stream.type,
                "codec": stream.codec_context.codec.canonical_name if stream.codec_context else None,
                "language": stream.language,
                "title": stream.metadata.get("title") or stream.metadata.get("name"),
                "default": bool(stream.disposition & stream.disposition.default),
                "forced": bool(stream.disposition & stream.disposition.forced),
            }
            for stream in container.streams
        ]


def metadata(path: Path) -> dict[str, str]:
    """The file's own tags, names in lower case."""
    with av.open(str(path)) as container:
        return {name.lower(): value for name, value in container.metadata.items()}


def chapters(path: Path) -> list[tuple[float, float, str]]:
    """Start, end (seconds) and title of each chapter."""
    with av.open(str(path)) as container:
        return [
            (
                float(chapter["start"] * chapter["time_base"]),
                float(chapter["end"] * chapter["time_base"]),
                chapter["metadata"]["title"],
            )
            for chapter in container.chapters()
            if chapter["time_base"]
        ]


def boxes(path: Path) -> list[tuple[str, bytes]]:
    """Every MP4 box by its path (moov.trak.mdia...), in order of the file."""
    found: list[tuple[str, bytes]] = []
    _walk(path.read_bytes(), "", found)
    return found


_NESTS = {
    "moov": 0,
    "trak": 0,
    "mdia": 0,
    "minf": 0,
    "stbl": 0,
    "edts": 0,
    "stsd": 8,
    "avc1": 78,
    "hvc1": 78,
    "av01": 78,
}


def _walk(data: bytes, prefix: str, found: list[tuple[str, bytes]]) -> None:
    offset = 0
    while offset + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, offset)
        kind = name.decode("latin-1")
        body = data[offset + 8 : offset + size]
        found.append((prefix + kind, body))
        if kind in _NESTS:
            _walk(body[_NESTS[kind] :], f"{prefix}{kind}.", found)
        if size < 8:
            break
        offset += size
