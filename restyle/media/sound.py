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
from restyle.media.inputs import Spec, untrusted_input
from restyle.media.process import run_ffmpeg

log = logging.getLogger(__name__)

TRIAL_PACKETS = 50  # of each sound track: enough for headers, encoders and the muxer's own checks
LOSSLESS = "flac"  # for codecs that Matroska cannot hold


class FirstPacket(NamedTuple):
    """Where a stream begins."""

    start_s: Fraction  # by the source's clock
    sample_rate: int | None  # of sound, in hertz


class SoundSurvey(NamedTuple):
    """How the sound gets into Matroska."""

    codecs: dict[int, str]  # by stream index: "copy" or LOSSLESS; one that is not here is empty or unreadable
    firsts: dict[int, FirstPacket]

    @property
    def base_s(self) -> Fraction:
        """The source's time where the extracted sound's clock is zero: 0, or the first packet's if that is negative.

        Matroska has no negative times, and coders that need a run-up (AAC, Opus) begin some milliseconds before zero.
        """
        return min([Fraction(0), *(first.start_s for first in self.firsts.values())])


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
    firsts = first_packets(source, info, "audio")
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial.mka"

        def works(codecs: dict[int, str]) -> bool:
            return succeeds(lambda: copy_sound(source, SoundSurvey(codecs, firsts), trial, TRIAL_PACKETS))

        def choice(index: int) -> str | None:
            return first_that(lambda codec: works({index: codec}), ("copy", LOSSLESS))

        copied = dict.fromkeys(firsts, "copy")
        if not copied or works(copied):
            return SoundSurvey(copied, firsts)
        codecs = {index: codec for index in firsts if (codec := choice(index)) is not None}
    return SoundSurvey(codecs, firsts)


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


def first_packets(source: Path, info: VideoInfo, kind: Literal["audio", "subtitle"]) -> dict[int, FirstPacket]:
    """The first packet of each stream (by index) of this kind that holds any."""
    streams = [track.stream_index for track in info.tracks if track.kind == kind]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "packets.txt"

        def firsts(streams: Sequence[int]) -> dict[int, FirstPacket]:
            read = succeeds(lambda: _report_first(source, streams, report))
            return _read_report(report.read_text(), streams) if read else {}

        if len(found := firsts(streams) if streams else {}) == len(streams):
            return found
        # Some are empty, or ffmpeg knows too little of one, which spoils the report for all.
        return {index: first for stream in streams for index, first in firsts([stream]).items()}


def only_first(packets: int) -> str:
    """A bitstream filter that lets the first packets of a stream pass. (-frames would end other streams with it.)"""
    return f"noise=drop=gte(n\\,{packets})"


def _report_first(source: Path, streams: Sequence[int], report: Path) -> None:
    original = untrusted_input()
    options = {"c": "copy", "bsf": only_first(1)}
    spec = ffmpeg.output(*(original[str(index)] for index in streams), f"file:{report}", format="framecrc", **options)
    run_ffmpeg(spec.global_args("-copyts"), report, task=f"reading first packets of {source.name}", source=source)


def _read_report(report: str, streams: Sequence[int]) -> dict[int, FirstPacket]:
    """ffmpeg's framecrc format: '#tb 0: 1/48000', '#sample_rate 0: 48000', then 'stream, dts, pts, duration, ...'."""
    headers: dict[tuple[str, int], str] = {}
    found = {}
    for line in report.splitlines():
        if line.startswith("#"):
            name, _, value = line[1:].partition(":")
            key, _, number = name.rpartition(" ")
            if number.isdigit():
                headers[key, int(number)] = value.strip()
        elif line:
            stream, _dts, pts, *_ = line.split(",")
            at = int(stream)
            rate = headers.get(("sample_rate", at))
            start_s = int(pts) * Fraction(headers["tb", at])
            found[streams[at]] = FirstPacket(start_s, int(rate) if rate else None)
    return {index: found[index] for index in streams if index in found}


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
