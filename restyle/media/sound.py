"""The sound of a video: every audio track, copied into one Matroska file on the video's own clock."""

import logging
import tempfile
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import ffmpeg

from restyle.domain import VideoInfo
from restyle.errors import EncodingFailed
from restyle.media.process import Spec, run_ffmpeg, untrusted_input

log = logging.getLogger(__name__)

TRIAL_PACKETS = 50  # of each sound track: enough for headers, encoders and the muxer's own checks
LOSSLESS = "flac"  # for codecs that Matroska cannot hold


class SoundSurvey(NamedTuple):
    """How the sound gets into Matroska."""

    codecs: dict[int, str]  # by stream index: "copy" or LOSSLESS; one that is not here is empty or unreadable
    starts_s: dict[int, Fraction]  # the first packet of each, by the source's clock

    @property
    def base_s(self) -> Fraction:
        """The source's time where the extracted sound's clock is zero: 0, or the first packet's if that is negative.

        Matroska has no negative times, and coders that need a run-up (AAC, Opus) begin some milliseconds before zero.
        """
        return min([Fraction(0), *self.starts_s.values()])


def extract_sound(source: Path, info: VideoInfo, target: Path) -> bool:
    """Write all audio tracks of `source` to `target` (Matroska); False, and no file, when there is none.

    Tracks are copied bit for bit, in order, with language, title, disposition and start; one that Matroska cannot
    hold is converted to FLAC, one that is empty or cannot be read is left out: both are logged. The file's clock is
    the source's, unless sound begins before zero. Raises EncodingFailed or DiskFull; then nothing is left at `target`.
    """
    survey = survey_sound(source, info)
    if not survey.codecs:
        return False
    try:
        copy_sound(source, survey, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    for track in info.tracks:
        if track.kind == "audio" and (outcome := survey.codecs.get(track.stream_index, "left out")) != "copy":
            log.info("sound stream %d (%s): %s", track.stream_index, track.codec, outcome)
    return True


def survey_sound(source: Path, info: VideoInfo) -> SoundSurvey:
    """Find out, by trying, how each audio track gets into Matroska, and when it begins."""
    starts_s = first_packets(source, info, "audio")
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial.mka"

        def works(codecs: dict[int, str]) -> bool:
            return succeeds(lambda: copy_sound(source, SoundSurvey(codecs, starts_s), trial, TRIAL_PACKETS))

        def choice(index: int) -> str | None:
            return first_that(lambda codec: works({index: codec}), ("copy", LOSSLESS))

        copied = dict.fromkeys(starts_s, "copy")
        if not copied or works(copied):
            return SoundSurvey(copied, starts_s)
        codecs = {index: codec for index in starts_s if (codec := choice(index)) is not None}
    return SoundSurvey(codecs, starts_s)


def copy_sound(source: Path, survey: SoundSurvey, target: Path, packets: int | None = None) -> None:
    """Write the surveyed tracks to `target`, at most so many packets of each; all without a number."""
    streams = untrusted_input()
    options: dict[str, str | int] = {f"c:a:{place}": codec for place, codec in enumerate(survey.codecs.values())}
    if packets is not None:
        options["bsf:a"] = only_first(packets)
    spec: Spec = ffmpeg.output(
        *(streams[str(index)] for index in survey.codecs), f"file:{target}", format="matroska", map_chapters=-1,
        output_ts_offset=seconds(-survey.base_s), **options,
    )  # fmt: skip
    run_ffmpeg(spec.global_args("-copyts"), target, task=f"extracting the sound of {source.name}", source=source)


def first_packets(source: Path, info: VideoInfo, kind: Literal["audio", "subtitle"]) -> dict[int, Fraction]:
    """The time of the first packet, in seconds by the source's clock, of each stream (by index) that holds any."""
    streams = [track.stream_index for track in info.tracks if track.kind == kind]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "packets.txt"

        def stamps(streams: Sequence[int]) -> dict[int, Fraction]:
            read = succeeds(lambda: _report_first(source, streams, report))
            return _first_stamps(report.read_text(), streams) if read else {}

        if len(found := stamps(streams) if streams else {}) == len(streams):
            return found
        # Some are empty, or ffmpeg knows too little of one, which spoils the report for all.
        return {index: start for stream in streams for index, start in stamps([stream]).items()}


def only_first(packets: int) -> str:
    """A bitstream filter that lets the first packets of a stream pass. (-frames would end other streams with it.)"""
    return f"noise=drop=gte(n\\,{packets})"


def _report_first(source: Path, streams: Sequence[int], report: Path) -> None:
    original = untrusted_input()
    options = {"c": "copy", "bsf": only_first(1)}
    spec = ffmpeg.output(*(original[str(index)] for index in streams), f"file:{report}", format="framecrc", **options)
    run_ffmpeg(spec.global_args("-copyts"), report, task=f"reading first packets of {source.name}", source=source)


def _first_stamps(report: str, streams: Sequence[int]) -> dict[int, Fraction]:
    """Presentation times in ffmpeg's framecrc format: '#tb 0: 1/48000', then 'stream, dts, pts, duration, ...'."""
    bases: dict[int, Fraction] = {}
    stamps = {}
    for line in report.splitlines():
        if line.startswith("#tb "):
            place, base = line.removeprefix("#tb ").split(":")
            bases[int(place)] = Fraction(base.strip())
        elif line and not line.startswith("#"):
            place, _dts, pts, *_ = line.split(",")
            stamps[streams[int(place)]] = int(pts) * bases[int(place)]
    return {index: stamps[index] for index in streams if index in stamps}


def seconds(value: Fraction) -> str:
    """A time as ffmpeg reads it, to the microsecond."""
    return f"{float(value):.6f}"


def succeeds(attempt: Callable[[], object]) -> bool:
    """Whether ffmpeg can do this; a full disk is no answer and is raised."""
    try:
        attempt()
    except EncodingFailed as error:
        log.debug("not possible: %s", error)
        return False
    return True


def first_that(works: Callable[[str], bool], candidates: Iterable[str]) -> str | None:
    """The first candidate that works."""
    return next((candidate for candidate in candidates if works(candidate)), None)
