"""Trusting no output before it was read back: frames, times and tracks against the source's."""

from pathlib import Path
from typing import Literal

from restyle.domain import Frozen, Track, VideoInfo
from restyle.errors import MediaError
from restyle.media.mux import MuxPlan
from restyle.media.probe import probe_video
from restyle.media.timeline import shortest_step_s


class OutputFacts(Frozen):
    """What decoding the whole output found."""

    frames: int
    duration_s: float
    tracks: tuple[Track, ...]
    worst_drift_s: float  # of a frame's time after the first one, against the source's


def verify_output(target: Path, info: VideoInfo, plan: MuxPlan) -> OutputFacts:
    """Decode the output at `target` and compare it with its source.

    Raises MediaError when a frame is missing or too many, a frame is half a frame or more off its time, or a track
    that the plan keeps is not there.
    """
    found = probe_video(target)
    if found.frame_count != info.frame_count:
        raise MediaError(f"{target.name} holds {found.frame_count} frames instead of {info.frame_count}; run again")
    if found.damaged:
        raise MediaError(f"{target.name} has {found.damaged} packets that do not decode; run again")
    drift_s = worst_drift_s(found, info)
    if drift_s >= 0.5 * shortest_step_s(info):
        raise MediaError(f"{target.name} shows a frame {1000 * drift_s:.1f} ms off its time; use an .mp4 output")
    kinds: tuple[Literal["audio", "subtitle"], ...] = ("audio", "subtitle")
    for kind in kinds:
        expected, there = len(plan.kept(kind)), sum(track.kind == kind for track in found.tracks)
        if there != expected:
            raise MediaError(f"{target.name} holds {there} {kind} tracks instead of {expected}; run again")
    return OutputFacts(
        frames=found.frame_count, duration_s=found.duration_s, tracks=found.tracks, worst_drift_s=drift_s
    )


def worst_drift_s(found: VideoInfo, info: VideoInfo) -> float:
    """The largest difference, in seconds, between the two videos' times of the same frame, counted from the first."""
    return float(
        max(
            abs((a - found.pts[0]) * found.time_base - (b - info.pts[0]) * info.time_base)
            for a, b in zip(found.pts, info.pts, strict=True)
        )
    )
