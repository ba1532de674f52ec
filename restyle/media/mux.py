"""Putting an output together: what becomes of each track, tried out before any frame is painted, then done."""

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import Literal

import ffmpeg
import numpy as np

from restyle.domain import Frozen, Track, VideoInfo
from restyle.errors import EncodingFailed, UnsupportedOutput
from restyle.media.encode import coded_size, encode_segment
from restyle.media.options import Container, OutputOptions
from restyle.media.process import Spec, own_input, run_ffmpeg, untrusted_input
from restyle.media.segments import FrameTimes, frame_times, join_segments
from restyle.media.sound import (
    TRIAL_PACKETS,
    TRIAL_S,
    audio_tracks,
    copy_sound,
    first_that,
    seconds,
    sound_codecs,
    sound_starts,
    succeeds,
)

_REHEARSED_FRAMES = 4
_AUDIO_BIT_RATE = "256k"  # of sound encoded anew: transparent in stereo, good in 5.1
_GREY = 128


class TrackPlan(Frozen):
    """What becomes of one audio or subtitle track of the source."""

    track: Track
    codec: str | None  # "copy", an ffmpeg encoder, or None: left out
    reason: str | None = None  # why it is not copied


class MuxPlan(Frozen):
    """How the output is put together, found by really doing it with a few grey frames."""

    options: OutputOptions
    size: tuple[int, int]  # width and height of the painted frames
    tracks: tuple[TrackPlan, ...]
    sound_base_s: Fraction  # the source's time where the extracted sound's clock is zero
    zero_s: Fraction  # the source's time that the output calls zero
    notes: tuple[str, ...]  # for the report: whatever is not exactly as in the source

    def kept(self, kind: Literal["audio", "subtitle"]) -> list[TrackPlan]:
        """The tracks of this kind that the output holds, in order."""
        return [plan for plan in self.tracks if plan.track.kind == kind and plan.codec is not None]


def rehearse_mux(source: Path, info: VideoInfo, options: OutputOptions, size: tuple[int, int]) -> MuxPlan:
    """Find out what the container takes of the source by muxing its sound and subtitles with a few grey frames.

    size: width and height of the painted frames. Raises UnsupportedOutput where the output cannot be made.
    """
    few = info.model_copy(update={"pts": info.pts[:_REHEARSED_FRAMES]})
    grey = np.full((size[1], size[0], 3), _GREY, np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segment, sound = folder / "segment.mkv", folder / "sound.mka"
        try:
            encode_segment(repeat(grey, few.frame_count), size, few, options, segment)
            held = sound_codecs(source, info)
            starts = sound_starts(source, info)
            base = min([Fraction(0), *starts])
            if held:
                copy_sound(source, held, base, sound, TRIAL_PACKETS)
            tracks = _plan_tracks(source, info, held, options.container, sound)
            plan = MuxPlan(
                options=options,
                size=size,
                tracks=tracks,
                sound_base_s=base,
                zero_s=min([info.pts[0] * info.time_base, *(max(start, Fraction(0)) for start in starts)]),
                notes=(*_size_notes(size), *(note for track in tracks if (note := _track_note(track, options)))),
            )
            _assemble([segment], few, plan, source, sound if held else None, folder / "output", trial=True)
        except EncodingFailed as error:
            raise UnsupportedOutput(
                f"{source.name} cannot be written as {options.codec} in {options.suffix} at {size[0]}x{size[1]}; "
                f"try another codec or an .mkv: {error}"
            ) from error
    return plan


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
    # The video's clock has whole ticks: what it lost by rounding its start, the others lose too.
    zero = info.pts[0] * info.time_base - times.pts[0] * times.time_base
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".joining-") as folder:
        pictures = Path(folder) / "pictures.mp4"
        join_segments(segments, times, pictures)
        spec = _mux_command(pictures, times, plan, sound, target, zero, trial)
        run_ffmpeg(spec, target, task=f"muxing {target.name}", source=source)


def _mux_command(
    pictures: Path, times: FrameTimes, plan: MuxPlan, sound: Path | None, target: Path, zero: Fraction, trial: bool
) -> Spec:
    container = plan.options.container
    audio, subtitles = plan.kept("audio"), plan.kept("subtitle")
    limit = {"t": TRIAL_S} if trial else {}
    original = untrusted_input(itsoffset=seconds(-zero), **limit)
    streams = [own_input(pictures)["v:0"]]
    options: dict[str, str | int] = {"c:v": "copy", "bsf:v": _last_frame_lasts(times), "format": container.muxer}
    if sound is not None and audio:
        heard = own_input(sound, itsoffset=seconds(plan.sound_base_s - zero))
        streams += [heard[f"a:{place}"] for place in range(len(audio))]
    streams += [original[str(track.track.stream_index)] for track in subtitles]
    # Fonts for subtitles, where they can be kept. Else a selector that fits no stream: the source must be an input
    # for its metadata and chapters to be taken.
    streams.append(original["t?" if container.muxer == "matroska" else "t:999?"])
    options["map_metadata"] = options["map_chapters"] = 2 if sound is not None and audio else 1
    for kind, tracks in (("a", audio), ("s", subtitles)):
        for place, track in enumerate(tracks):
            options |= _track_options(f"{kind}:{place}", track.codec or "copy")
    if container.muxer in ("mp4", "mov"):
        options["movflags"] = "+faststart"
    if container.muxer in ("mp4", "mov") and plan.options.codec == "hevc":
        options["tag:v"] = "hvc1"  # what Apple's players ask for
    spec: Spec = ffmpeg.output(*streams, f"file:{target}", **options)
    return spec.global_args("-copyts")


def _last_frame_lasts(times: FrameTimes) -> str:
    """A bitstream filter that gives the last frame its duration: MP4 states those of decoding, not of display."""
    return f"setts=pts=PTS:dts=DTS:duration=if(eq(PTS\\,{times.pts[-1]})\\,{times.last_duration}\\,DURATION)"


def _track_options(stream: str, codec: str) -> dict[str, str | int]:
    options: dict[str, str | int] = {f"c:{stream}": codec}
    if stream.startswith("a") and codec != "copy":
        options[f"filter:{stream}"] = "aresample=async=1"  # gaps stay gaps, else later sound would come too early
        if codec != "flac":
            options[f"b:{stream}"] = _AUDIO_BIT_RATE
    return options


def _plan_tracks(
    source: Path, info: VideoInfo, held: dict[int, str], container: Container, sound: Path
) -> tuple[TrackPlan, ...]:
    extracted = list(held)
    plans = []
    for track in info.tracks:
        if track.kind == "subtitle":
            plans.append(_plan_subtitle(source, track, container, sound.parent))
        elif track.stream_index in extracted:
            place = extracted.index(track.stream_index)
            plans.append(_plan_audio(own_input(sound)[f"a:{place}"], track, container, sound.parent))
        else:
            plans.append(TrackPlan(track=track, codec=None, reason="ffmpeg can neither copy nor decode it"))
    return tuple(plans)


def _plan_audio(stream: Spec, track: Track, container: Container, folder: Path) -> TrackPlan:
    trial = folder / "trial"

    def works(codec: str) -> bool:
        spec = ffmpeg.output(
            stream,
            f"file:{trial}",
            format=container.muxer,
            **{"frames:a": TRIAL_PACKETS},
            **_track_options("a:0", codec),
        )
        return succeeds(lambda: run_ffmpeg(spec, trial, task=f"trying {codec}"))

    if track.codec in container.unplayable or track.codec.startswith("pcm_") and container.muxer == "mp4":
        candidates: tuple[str, ...] = (container.audio_encoder,)
        reason = f"hardly any player reads {track.codec} in {container.muxer}"
    else:
        candidates = ("copy", container.audio_encoder)
        reason = f"{container.muxer} does not hold {track.codec}"
    codec = first_that(works, candidates)
    return TrackPlan(track=track, codec=codec, reason=None if codec == "copy" else reason)


def _plan_subtitle(source: Path, track: Track, container: Container, folder: Path) -> TrackPlan:
    trial = folder / "trial"

    def works(codec: str) -> bool:
        stream = untrusted_input(t=TRIAL_S)[str(track.stream_index)]
        spec = ffmpeg.output(stream, f"file:{trial}", format=container.muxer, **{"c:s": codec})
        return succeeds(lambda: run_ffmpeg(spec, trial, task=f"trying {codec}", source=source))

    codec = first_that(works, ("copy", container.text_encoder))
    return TrackPlan(
        track=track, codec=codec, reason=None if codec == "copy" else f"{container.muxer} does not hold {track.codec}"
    )


def _track_note(plan: TrackPlan, options: OutputOptions) -> str | None:
    track = plan.track
    name = f"{track.kind} track {track.stream_index} ({track.language or 'no language'}, {track.codec})"
    if plan.codec is None:
        return f"{name} is left out: {plan.reason}; an .mkv may keep it"
    return None if plan.codec == "copy" else f"{name} becomes {plan.codec}: {plan.reason}"


def _size_notes(size: tuple[int, int]) -> tuple[str, ...]:
    if coded_size(size) == size:
        return ()
    width, height = coded_size(size)
    return (
        f"{size[0]}x{size[1]} is coded as {width}x{height}: the last row or column is repeated, 4:2:0 needs even sizes",
    )
