"""What becomes of each sound and subtitle track, decided by trying it with the source's first packets."""

from fractions import Fraction
from pathlib import Path

import ffmpeg

from restyle.domain import Frozen, Track, VideoInfo
from restyle.media.inputs import Spec, own_input, untrusted_input
from restyle.media.options import Container
from restyle.media.process import run_ffmpeg
from restyle.media.sound import SoundSurvey, first_packets, first_that, seconds, succeeds

TRIAL_S = 60  # of the source that subtitle trials read: its headers decide, packets need not be there
_RUN_UP = 4096  # samples: four AAC packets; Opus asks for 3840, MP3 for 3456
_BIT_RATE = "256k"  # of sound encoded anew: transparent in stereo, good in 5.1


class TrackPlan(Frozen):
    """What becomes of one audio or subtitle track of the source."""

    track: Track
    codec: str | None  # "copy", an ffmpeg encoder, or None: left out
    reason: str | None = None  # why it is not copied
    place: int | None = None  # among the tracks of the extracted sound
    run_up_s: Fraction = Fraction(0)  # of copied sound before it is heard, which its decoder needs

    @property
    def note(self) -> str | None:
        """For the report, when the track is not kept as it is."""
        if self.codec == "copy":
            return None
        track = self.track
        name = f"{track.kind} stream {track.stream_index} ({track.language or 'no language'}, {track.codec})"
        outcome = "is left out" if self.codec is None else f"is encoded as {self.codec}"
        return f"{name} {outcome}: {self.reason}"


def plan_tracks(
    source: Path, info: VideoInfo, survey: SoundSurvey, sound: Path, container: Container
) -> tuple[TrackPlan, ...]:
    """A plan for each track of the source: copied where the container takes it, else encoded once, else left out.

    sound: a file with the first packets of the surveyed audio tracks.
    """
    trial = sound.with_name("trial")
    texts = first_packets(source, info, "subtitle")

    def plan(track: Track) -> TrackPlan:
        if track.stream_index not in (survey.codecs if track.kind == "audio" else texts):
            return TrackPlan(track=track, codec=None, reason="it is empty or cannot be read")
        if track.kind == "audio":
            return _plan_audio(track, survey, sound, container, trial)
        return _plan_subtitle(track, source, container, trial)

    return tuple(map(plan, info.tracks))


def track_options(stream: str, codec: str, run_up_s: Fraction = Fraction(0)) -> dict[str, str | int]:
    """ffmpeg's output options for a stream (a:0, s:1, ...) written with this codec.

    Sound before the output's zero was never heard: it is dropped, but for the run-up of copied sound.
    """
    options: dict[str, str | int] = {f"c:{stream}": codec}
    if stream.startswith("s"):
        return options
    if codec == "copy":
        return options | {f"bsf:{stream}": f"noise=drop=lt(pts*tb\\,-{seconds(run_up_s)})"}
    options[f"filter:{stream}"] = "aresample=async=1,atrim=start=0"  # gaps stay gaps, else later sound comes too early
    return options if codec == "flac" else options | {f"b:{stream}": _BIT_RATE}


def _plan_audio(track: Track, survey: SoundSurvey, sound: Path, container: Container, trial: Path) -> TrackPlan:
    lossless = survey.codecs[track.stream_index]
    held = track.codec if lossless == "copy" else lossless
    place = list(survey.codecs).index(track.stream_index)
    stream = own_input(sound)[f"a:{place}"]

    def works(codec: str) -> bool:
        spec = ffmpeg.output(stream, f"file:{trial}", format=container.muxer, **track_options("a:0", codec))
        return succeeds(lambda: run_ffmpeg(spec, trial, task=f"trying {codec}"))

    playable = held not in container.unplayable
    codec = first_that(works, ("copy", container.audio_encoder) if playable else (container.audio_encoder,))
    if codec == "copy" and lossless == "copy":
        run_up_s = Fraction(_RUN_UP, survey.firsts[track.stream_index].sample_rate or 48000)
        return TrackPlan(track=track, codec=codec, place=place, run_up_s=run_up_s)
    why = f"{container.muxer} does not hold it" if playable else f"hardly any player knows it in {container.muxer}"
    return TrackPlan(track=track, codec=lossless if codec == "copy" else codec, reason=why, place=place)


def _plan_subtitle(track: Track, source: Path, container: Container, trial: Path) -> TrackPlan:
    stream: Spec = untrusted_input(t=TRIAL_S)[str(track.stream_index)]

    def works(codec: str) -> bool:
        spec = ffmpeg.output(stream, f"file:{trial}", format=container.muxer, **track_options("s:0", codec))
        return succeeds(lambda: run_ffmpeg(spec, trial, task=f"trying {codec}", source=source))

    codec = first_that(works, ("copy", container.text_encoder))
    return TrackPlan(
        track=track, codec=codec, reason=None if codec == "copy" else f"{container.muxer} does not hold it as it is"
    )
