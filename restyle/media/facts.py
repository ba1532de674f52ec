"""What a decoder process finds out about a video by decoding all of it once."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import av
import av.container
import av.stream
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.format import VideoFormat
from av.video.plane import VideoPlane

from restyle.media import limits
from restyle.media.source import Open, Refused, Source, open_source

NO_FRAME = (
    "holds no frame that can be decoded: it is encrypted, damaged beyond use or larger than "
    f"{limits.MAX_PIXELS} pixels a frame; pass another file"
)

Facts = dict[str, Any]  # Any: a JSON object, read by probe.py alone


def gather(video: Open, threads: int, checked: bool, progress: Callable[[int], None]) -> Facts:
    """Facts of the video. progress is told the number of frames now and then. Raises Refused.

    checked: with the checksum of every frame, and where it may be entered.

    Decoding with several threads may lose or order damage differently from run to run. So a video that shows any, or
    whose packets and frames do not match, is counted again with one thread, and is decoded with one later.
    """
    with open_source(video, threads) as source:
        facts = _decode_all(source, checked, progress)
        regular = facts["damaged"] == 0 and source.packets == len(facts["pts"])
    if not regular and threads > 1:
        with open_source(video, 1) as source:
            facts = _decode_all(source, checked, progress)
    return facts


def look(video: Open) -> None:
    """Raises Refused unless this is a video whose first frame decodes."""
    with open_source(video, 1) as source:
        if next(source.frames(), None) is None:
            raise Refused(NO_FRAME)


def checksum(frame: av.VideoFrame) -> int:
    """CRC-32 of a decoded frame's visible samples, plane by plane."""
    crc = 0
    for number, plane in enumerate(frame.planes):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        crc = zlib.crc32(np.ascontiguousarray(rows[:, : _row_bytes(frame.format, number, plane)]).data, crc)
    return crc


def _row_bytes(sample_format: VideoFormat, number: int, plane: VideoPlane) -> int:
    """Bytes of a row that hold samples; what follows is padding of any content."""
    bits = [8 * -(-part.bits // 8) for part in sample_format.components if part.plane == number]
    if sample_format.is_planar:
        return min(plane.line_size, plane.width * sum(bits) // 8)
    return min(plane.line_size, -(-plane.width * sample_format.padded_bits_per_pixel // 8))


def _decode_all(source: Source, checked: bool, progress: Callable[[int], None]) -> Facts:
    facts: Facts = {}
    pts: list[int | None] = []
    keyframes: list[int] = []
    checksums: list[int] = []
    interlaced = False
    duration = 0
    for frame in source.frames():
        if not pts:
            facts = _of_first_frame(frame)
        if checked:
            checksums.append(checksum(frame))
            if frame.key_frame:
                keyframes.append(len(pts))
        pts.append(frame.pts)
        duration = frame.duration
        interlaced = interlaced or frame.interlaced_frame
        if len(pts) > limits.MAX_FRAMES:
            raise Refused(f"has more than {limits.MAX_FRAMES} frames, the limit; cut it into pieces first")
        progress(len(pts))
    if not pts:
        raise Refused(NO_FRAME)
    source.damaged += _missing_packets(source)
    duration = _last_duration(source, pts[-1], duration)
    facts |= {"pts": pts, "last_duration": duration, "interlaced": interlaced, "damaged": source.damaged}
    facts |= {"keyframes": keyframes, "checksums": checksums}
    return facts | _of_stream(source)


def _last_duration(source: Source, last: int | None, stated: int) -> int:
    """Ticks the last frame is shown. MP4 states the steps of decoding, with B-frames those of another frame: there the
    length of the track tells it, if the file is whole."""
    stream = source.stream
    whole = source.container.format.name.startswith("mov") and not source.damaged
    if not whole or last is None or stream.start_time is None or stream.duration is None:
        return stated
    rest = stream.start_time + stream.duration - last
    return rest if rest > 0 else stated


def _missing_packets(source: Source) -> int:
    """Packets the index of an mp4 promises beyond the end of the file. Other containers' counts are mere hints."""
    if not source.container.format.name.startswith("mov"):
        return 0
    return max(0, source.stream.frames - source.packets)


def _of_first_frame(frame: av.VideoFrame) -> Facts:
    matrix = _side_data(frame, SideDataType.DISPLAYMATRIX)
    return {
        "width": frame.width,
        "height": frame.height,
        "display_matrix": struct.unpack("=9i", matrix[:36]) if matrix else None,
        "color": [
            frame.colorspace,
            frame.color_primaries,
            frame.color_trc,
            frame.color_range,
            frame.format.is_rgb or frame.format.has_palette,
            frame.format.name.startswith("yuvj"),
        ],
        "peak_nits": _peak_nits(frame),
        "dolby_vision": _side_data(frame, SideDataType.DOVI_RPU_BUFFER) is not None,
    }


def _peak_nits(frame: av.VideoFrame) -> float | None:
    """The brightest the HDR metadata says the video gets: MaxCLL (CTA-861.3), else the mastering display's white."""
    if (light := _side_data(frame, SideDataType.CONTENT_LIGHT_LEVEL)) and (
        max_cll := struct.unpack_from("=I", light)[0]
    ):
        return float(max_cll)
    if display := _side_data(frame, SideDataType.MASTERING_DISPLAY_METADATA):
        # AVMasteringDisplayMetadata: 4 chromaticities and the minimum come before the maximum, all pairs of int
        numerator, denominator, _has_primaries, has_luminance = struct.unpack_from("=4i", display, 9 * 8)
        if has_luminance and denominator:
            return float(numerator / denominator)
    return None


def _side_data(frame: av.VideoFrame, kind: SideDataType) -> bytes | None:
    data = frame.side_data.get(kind)  # type: ignore[call-overload]  # the stub lists motion vectors only
    return bytes(data) if data is not None else None


def _of_stream(source: Source) -> Facts:
    stream = source.stream
    aspect = stream.sample_aspect_ratio
    return {
        "container": source.container.format.name,
        "codec": stream.codec_context.codec.canonical_name,
        "stream_index": stream.index,
        "time_base": [source.time_base.numerator, source.time_base.denominator],
        "step": source.step,
        "sample_aspect": [aspect.numerator, aspect.denominator] if aspect else [1, 1],
        "tracks": [track for other in source.container.streams if (track := _track(other))],
    }


def _track(stream: av.stream.Stream) -> Facts | None:
    if stream.type not in ("audio", "subtitle"):
        return None
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    language = stream.language if stream.language != "und" else None
    start = None if stream.start_time is None or not stream.time_base else str(stream.start_time * stream.time_base)
    return {"stream_index": stream.index, "kind": stream.type, "codec": codec, "language": language, "start_s": start}
