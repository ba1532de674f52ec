"""Finding out what a video is: one full decode in a child process, whose facts become a VideoInfo."""

import logging
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from restyle.domain import Track, VideoInfo
from restyle.errors import DecodingFailed, UnsupportedMedia
from restyle.media import limits, wire
from restyle.media.color import HDR_TRANSFERS, SWSCALE_MATRICES, ColorCodes, given_tags, stored_tags
from restyle.media.decoder_process import DecoderProcess
from restyle.media.geometry import orientation_of_matrix, turn_of
from restyle.media.timeline import Clock, first_stamp, ticks_per_second
from restyle.media.tonemap import DEFAULT_PEAK_NITS, OPERATOR

log = logging.getLogger(__name__)

_PEAKS = (203, 10000)  # nits between which a stated peak can mean something


def check_video(path: Path) -> None:
    """A first look, in well under a second: raises what probe_video would raise of a file that is no video at all."""
    with DecoderProcess(path, "probe_child", "look") as child:
        header = child.header()
        if header.kind != wire.RESULT:
            raise DecodingFailed(f"{path}: its decoder answered {header.kind!r} to a look")


def probe_video(path: Path, checked: bool = False) -> VideoInfo:
    """What the local video file holds, every decodable frame counted with its time stamp.

    checked: with the checksum of every frame, so that each can be proven wherever decoding begins.

    Raises UnsupportedMedia for a file that is no video restyle can use, DecodingFailed when its decoder dies or hangs.
    """
    with DecoderProcess(path, "probe_child", f"{limits.DECODER_THREADS}{'+' if checked else ''}") as child:
        header = child.header()
        if header.kind != wire.RESULT:
            raise DecodingFailed(f"{path}: its decoder answered {header.kind!r} to a probe")
        info = _info(path, child.json(header))
    if info.damaged:
        log.warning("%s: %d packets are damaged; %d frames decode", path, info.damaged, info.frame_count)
    return info


def _info(path: Path, facts: dict[str, Any]) -> VideoInfo:  # Any: the JSON of facts.py
    time_base = Fraction(*facts["time_base"])
    pts = _time_stamps(facts["pts"], facts["step"], time_base)
    orientation = orientation_of_matrix(facts["display_matrix"])
    rotation_deg, mirrored = turn_of(orientation)
    width, height = facts["width"], facts["height"]
    stored = stored_tags(ColorCodes(*facts["color"]), width, height)
    if stored.matrix not in SWSCALE_MATRICES and stored.matrix != "gbr":
        raise UnsupportedMedia(f"{path}: has colours coded as {stored.matrix}; convert it to BT.709 first")
    if facts["dolby_vision"] and stored.transfer not in HDR_TRANSFERS:  # profile 5: no picture without its metadata
        raise UnsupportedMedia(f"{path}: is Dolby Vision without an HDR10 or HLG picture; export it as HDR10 first")
    given = given_tags(stored, width, height)
    hdr = stored.transfer in HDR_TRANSFERS
    aspect = _sane_aspect(Fraction(*facts["sample_aspect"]))
    info = VideoInfo(
        width=height if orientation.transpose else width,
        height=width if orientation.transpose else height,
        sample_aspect=1 / aspect if orientation.transpose else aspect,
        rotation_deg=rotation_deg,
        mirrored=mirrored,
        stream_index=facts["stream_index"],
        codec=facts["codec"],
        container=facts["container"],
        color=given,
        stored_color=stored if stored != given else None,
        tone_map=OPERATOR if hdr else None,
        peak_nits=_peak_nits(stored.transfer, facts["peak_nits"]) if hdr else None,
        interlaced=facts["interlaced"],
        time_base=time_base,
        pts=pts,
        last_duration=_last_duration(facts["last_duration"], pts, facts["step"]),
        damaged=facts["damaged"],
        keyframes=_entries(facts, pts),
        checksums=tuple(facts["checksums"]),
        tracks=tuple(Track(**track | {"language": language_of(track["language"])}) for track in facts["tracks"]),
    )
    if info.duration_s > limits.MAX_DURATION_S:
        raise UnsupportedMedia(
            f"{path}: lasts {info.duration_s:.0f} s, above the limit of {limits.MAX_DURATION_S:.0f} s; cut it first"
        )
    return info


def _entries(facts: dict[str, Any], pts: tuple[int, ...]) -> tuple[int, ...]:
    """Key frames at which decoding may begin: none where something is damaged, or a time stamp was made up."""
    sound = not facts["damaged"] and tuple(facts["pts"]) == pts
    return tuple(facts["keyframes"]) if sound else ()


def language_of(said: str | None) -> str | None:
    """The language as a file names it, if that is a language tag (BCP 47, ISO 639): else it is any words at all."""
    return said if said and re.fullmatch(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,3}", said, re.ASCII) else None


def _time_stamps(raw: list[int | None], step: int, time_base: Fraction) -> tuple[int, ...]:
    clock = Clock(first_stamp(raw, step), step, ticks_per_second(time_base))
    return tuple(clock.stamp(pts) for pts in raw)


def _last_duration(stated: int, pts: tuple[int, ...], step: int) -> int:
    """Ticks the last frame is shown: as the file states, else as long as the frame before it, else one step."""
    if stated > 0:
        return stated
    return pts[-1] - pts[-2] if len(pts) > 1 else step


def _sane_aspect(aspect: Fraction) -> Fraction:
    return aspect if Fraction(1, 20) <= aspect <= 20 else Fraction(1)


def _peak_nits(transfer: str, stated: float | None) -> int:
    """HLG is relative to its display and has a nominal peak; PQ says its own, or is mastered as most are."""
    if transfer != "smpte2084" or not stated:
        return DEFAULT_PEAK_NITS
    return round(min(max(stated, _PEAKS[0]), _PEAKS[1]))
