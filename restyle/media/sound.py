"""The sound of a video: every audio track, copied into one Matroska file on the video's own clock."""

import logging
import tempfile
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import ffmpeg

from restyle.domain import Track, VideoInfo
from restyle.errors import EncodingFailed
from restyle.media.process import Spec, run_ffmpeg, untrusted_input

log = logging.getLogger(__name__)

TRIAL_S = 120  # of the source that trials look at; a track that begins later is taken at its word
TRIAL_PACKETS = 50
LOSSLESS = "flac"  # for codecs that Matroska cannot hold


def audio_tracks(info: VideoInfo) -> list[Track]:
    """The source's audio tracks, in order."""
    return [track for track in info.tracks if track.kind == "audio"]


def extract_sound(source: Path, info: VideoInfo, target: Path) -> bool:
    """Write all audio tracks of `source` to `target` (Matroska); False, and no file, when there is none.

    Tracks are copied bit for bit, in order, with language, title, disposition and start; one that Matroska cannot
    hold is converted to FLAC, one that cannot be read either is left out: both are logged. The file's clock is the
    source's, moved by sound_base. Raises EncodingFailed or DiskFull; then nothing is left at `target`.
    """
    kept = sound_codecs(source, info)
    if not kept:
        return False
    try:
        copy_sound(source, kept, sound_base(sound_starts(source, list(kept))), target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    for track in audio_tracks(info):
        if kept.get(track.stream_index) != "copy":
            log.info(
                "audio stream %d (%s): %s", track.stream_index, track.codec, kept.get(track.stream_index, "left out")
            )
    return True


def sound_codecs(source: Path, info: VideoInfo) -> dict[int, str]:
    """What happens to each audio stream (by index) on its way into Matroska: "copy", FLAC, or not there: left out."""
    indices = [track.stream_index for track in audio_tracks(info)]
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "trial.mka"

        def works(codecs: dict[int, str]) -> bool:
            return succeeds(lambda: copy_sound(source, codecs, Fraction(0), trial, TRIAL_PACKETS))

        if not indices or works(dict.fromkeys(indices, "copy")):
            return dict.fromkeys(indices, "copy")

        def choice(index: int) -> str | None:
            return first_that(lambda codec: works({index: codec}), ("copy", LOSSLESS))

        choices = {index: choice(index) for index in indices}
    return {index: codec for index, codec in choices.items() if codec is not None}


def copy_sound(source: Path, codecs: dict[int, str], base: Fraction, target: Path, packets: int | None = None) -> None:
    """Copy or encode these audio streams (by index) into Matroska, with `base` seconds of the source as zero.

    packets: of each stream at most; all without it.
    """
    streams = untrusted_input(**({} if packets is None else {"t": TRIAL_S}))
    options: dict[str, str | int] = {f"c:a:{place}": codec for place, codec in enumerate(codecs.values())}
    if packets is not None:
        options["frames:a"] = packets
    spec: Spec = ffmpeg.output(
        *(streams[str(index)] for index in codecs), f"file:{target}", format="matroska", map_chapters=-1,
        output_ts_offset=seconds(-base), **options,
    )  # fmt: skip
    run_ffmpeg(spec.global_args("-copyts"), target, task=f"extracting the sound of {source.name}", source=source)


def sound_starts(source: Path, streams: Sequence[int]) -> list[Fraction]:
    """The source's time, in seconds, of the first packet of each of these streams that begins within TRIAL_S."""
    if not streams:
        return []
    original = untrusted_input(t=TRIAL_S)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "first-packets.txt"
        spec = ffmpeg.output(
            *(original[str(index)] for index in streams),
            f"file:{report}",
            format="framecrc",
            c="copy",
            **{"frames:a": 1},
        )
        task = f"reading the first sound packets of {source.name}"
        run_ffmpeg(spec.global_args("-copyts"), report, task=task, source=source)
        return _first_stamps(report.read_text())


def sound_base(starts: Sequence[Fraction]) -> Fraction:
    """The source's time, in seconds, at zero of the extracted sound's clock: 0, or the first packet's if negative.

    Matroska has no negative times, and coders that need a run-up (AAC, Opus) begin some milliseconds before zero.
    """
    return min([Fraction(0), *starts])


def _first_stamps(report: str) -> list[Fraction]:
    """Presentation times in ffmpeg's framecrc format: '#tb 0: 1/48000', then 'stream, dts, pts, duration, ...'."""
    bases: dict[str, Fraction] = {}
    stamps = []
    for line in report.splitlines():
        if line.startswith("#tb "):
            stream, base = line.removeprefix("#tb ").split(":")
            bases[stream.strip()] = Fraction(base.strip())
        elif line and not line.startswith("#"):
            stream, _dts, pts, *_ = line.split(",")
            stamps.append(int(pts) * bases[stream.strip()])
    return stamps


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
