"""Putting an output together: rehearsed with grey frames before any frame is painted, then done."""

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import Literal

import ffmpeg
import numpy as np

from restyle.domain import Frozen, VideoInfo
from restyle.errors import EncodingFailed, UnsupportedOutput
from restyle.media.encode import coded_size, encode_segment
from restyle.media.inputs import Spec, own_input, untrusted_input
from restyle.media.options import OutputOptions
from restyle.media.process import run_ffmpeg
from restyle.media.segments import FrameTimes, frame_times, join_segments
from restyle.media.sound import TRIAL_PACKETS, SoundSurvey, copy_sound, seconds, survey_sound
from restyle.media.timeline import shortest_step_s
from restyle.media.tracks import TRIAL_S, TrackPlan, plan_tracks, track_options

_REHEARSED_FRAMES = 4
COUNTS_MILLISECONDS = ("matroska", "webm")


class MuxPlan(Frozen):
    """How the output is put together, found by really doing it with a few grey frames."""

    options: OutputOptions
    size: tuple[int, int]  # width and height of the painted frames
    tracks: tuple[TrackPlan, ...]
    sound_base_s: Fraction  # the source's time where the extracted sound's clock is zero
    zero_s: Fraction  # the source's time that the output calls zero
    notes: tuple[str, ...]  # for the report: whatever is not as in the source

    def kept(self, kind: Literal["audio", "subtitle"]) -> list[TrackPlan]:
        """The tracks of this kind that the output holds, in order."""
        return [plan for plan in self.tracks if plan.track.kind == kind and plan.codec is not None]


def rehearse_mux(source: Path, info: VideoInfo, options: OutputOptions, size: tuple[int, int]) -> MuxPlan:
    """Find out what the output takes of the source by muxing its first sound and subtitles with a few grey frames.

    size: width and height of the painted frames. Where a GPU is to encode them, a processor encodes the grey ones.
    Raises UnsupportedOutput where the output cannot be made.
    """
    few = info.model_copy(update={"pts": info.pts[:_REHEARSED_FRAMES]})
    with tempfile.TemporaryDirectory() as name:
        segment, sound = Path(name) / "segment.mkv", Path(name) / "sound.mka"
        try:
            _encode_grey(few, options.on_processor(), size, segment)
            plan = _plan(source, info, options, size, sound)
            heard = sound if plan.kept("audio") else None
            _assemble([segment], few, plan, source, heard, Path(name) / "output", trial=True)
        except EncodingFailed as error:
            raise UnsupportedOutput(
                f"{source} cannot become {options.codec} in {options.suffix} at {size[0]}x{size[1]}; "
                f"choose another codec or an .mkv: {error}"
            ) from error
    require_tellable(source, info, plan)
    return plan


def rehearse_encoder(info: VideoInfo, options: OutputOptions, size: tuple[int, int]) -> None:
    """Encode a few grey frames on the machine that will encode. Raises UnsupportedOutput where its GPU does not."""
    few = info.model_copy(update={"pts": info.pts[:_REHEARSED_FRAMES]})
    with tempfile.TemporaryDirectory() as name:
        try:
            _encode_grey(few, options, size, Path(name) / "segment.mkv")
        except EncodingFailed as error:
            cause = str(error).partition(" | ")[0]  # the rest is what came of it
            raise UnsupportedOutput(
                f"--codec {options.codec}: no GPU of the worker encodes it; use --codec {options.format} ({cause})"
            ) from error


def _encode_grey(few: VideoInfo, options: OutputOptions, size: tuple[int, int], target: Path) -> None:
    grey = np.full((size[1], size[0], 3), 128, np.uint8)
    encode_segment(repeat(grey, few.frame_count), size, few, options, target)


def require_tellable(source: Path, info: VideoInfo, plan: MuxPlan) -> None:
    """Raises UnsupportedOutput where the container's clock cannot tell when each frame is shown."""
    if plan.options.container.muxer not in COUNTS_MILLISECONDS:
        return
    times_s = np.array(info.pts) * float(info.time_base) - float(plan.zero_s)
    shown_s = np.round(times_s, 3)
    drift_s = np.abs((shown_s - shown_s[0]) - (times_s - times_s[0])).max()
    if drift_s >= 0.5 * shortest_step_s(info):
        raise UnsupportedOutput(
            f"{source}: two of its frames are {1000 * shortest_step_s(info):.3g} ms apart, and {plan.options.suffix} "
            "counts whole milliseconds; choose an .mp4 or .mov output"
        )


def assemble(
    segments: Sequence[Path], info: VideoInfo, plan: MuxPlan, source: Path, sound: Path | None, target: Path
) -> None:
    """Join the segments under the source's time stamps and mux them with sound, subtitles, chapters and metadata.

    segments: of encode_segment, in order, together every frame once; sound: of extract_sound, None without any.
    The disk of `target` needs room for the pictures twice. Raises EncodingFailed or DiskFull; then nothing is left
    at `target`.
    """
    try:
        _assemble(segments, info, plan, source, sound, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _plan(source: Path, info: VideoInfo, options: OutputOptions, size: tuple[int, int], sound: Path) -> MuxPlan:
    """The plan, from trials with the first packets of sound, which are left at `sound`."""
    survey = survey_sound(source, info)
    if survey.codecs:
        copy_sound(source, survey, sound, TRIAL_PACKETS)
    tracks = plan_tracks(source, info, survey, sound, options.container)
    return MuxPlan(
        options=options,
        size=size,
        tracks=tracks,
        sound_base_s=survey.base_s,
        zero_s=min([info.pts[0] * info.time_base, *_heard_from(tracks, survey)]),
        notes=(*_size_notes(size), *(track.note for track in tracks if track.note)),
    )


def _heard_from(tracks: Sequence[TrackPlan], survey: SoundSurvey) -> list[Fraction]:
    """When each kept audio track begins, by the source's clock: its first packet, or later by its coder's run-up."""
    kept = [plan.track for plan in tracks if plan.track.kind == "audio" and plan.codec is not None]
    packets_s = [survey.firsts[track.stream_index].start_s for track in kept]
    return [
        packet_s if track.start_s is None else max(packet_s, track.start_s)
        for track, packet_s in zip(kept, packets_s, strict=True)
    ]


def _size_notes(size: tuple[int, int]) -> tuple[str, ...]:
    width, height = coded_size(size)
    if (width, height) == size:
        return ()
    doubled = [name for name, side in (("column", size[0]), ("row", size[1])) if side % 2]
    repeated = f"its last {' and '.join(doubled)} {'is' if len(doubled) == 1 else 'are'} repeated"
    return (f"{size[0]}x{size[1]} is coded as {width}x{height}, as 4:2:0 needs even sizes: {repeated}",)


def _assemble(
    segments: Sequence[Path],
    info: VideoInfo,
    plan: MuxPlan,
    source: Path,
    sound: Path | None,
    target: Path,
    trial: bool = False,
) -> None:
    if sound is None and plan.kept("audio"):
        raise EncodingFailed(f"{target.name}: the sound of {source.name} was not extracted; run again")
    times = frame_times(info, plan.zero_s)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".joining-") as folder:
        pictures = Path(folder) / "pictures.mp4"
        join_segments(segments, times, pictures)
        # The pictures' clock has whole ticks: what its zero lost by rounding, the others' must lose too.
        zero = info.pts[0] * info.time_base - times.pts[0] * times.time_base
        spec = _command(pictures, times, plan, sound, target, zero, trial)
        run_ffmpeg(spec, target, task=f"muxing {target.name}", source=source)


def _command(
    pictures: Path,
    times: FrameTimes,
    plan: MuxPlan,
    sound: Path | None,
    target: Path,
    zero: Fraction,
    trial: bool,
) -> Spec:
    muxer = plan.options.container.muxer
    audio, subtitles = plan.kept("audio"), plan.kept("subtitle")
    original = untrusted_input(itsoffset=seconds(-zero), **({"t": TRIAL_S} if trial else {}))
    streams = [own_input(pictures)["v:0"]]
    options: dict[str, str | int] = {"format": muxer, "c:v": "copy", "bsf:v": _last_frame_lasts(times)}
    if audio:
        assert sound is not None
        # A trial has the first packets alone; at their own time they might all lie before zero and be dropped.
        heard = own_input(sound, itsoffset=seconds(Fraction(0) if trial else plan.sound_base_s - zero))
        streams += [heard[f"a:{track.place}"] for track in audio]
    streams += [original[str(track.track.stream_index)] for track in subtitles]
    for kind, tracks in (("a", audio), ("s", subtitles)):
        for place, track in enumerate(tracks):
            options |= track_options(f"{kind}:{place}", track.codec or "copy", track.run_up_s)
    # The fonts of subtitles, where they can be kept. Elsewhere a selector that fits no stream: only an input that is
    # mapped from can give its metadata and chapters.
    streams.append(original["t?" if muxer == "matroska" else "t:999?"])
    options |= dict.fromkeys(("map_metadata", "map_chapters"), 2 if audio else 1)
    if muxer in ("mp4", "mov"):
        options["movflags"] = "+faststart"
        if plan.options.format == "hevc":
            options["tag:v"] = "hvc1"  # what Apple's players ask for
    return ffmpeg.output(*streams, f"file:{target}", **options).global_args("-copyts")


def _last_frame_lasts(times: FrameTimes) -> str:
    """A bitstream filter that gives the last frame its duration: MP4 states those of decoding, not of display."""
    return f"setts=pts=PTS:dts=DTS:duration=if(eq(PTS\\,{times.pts[-1]})\\,{times.last_duration}\\,DURATION)"
