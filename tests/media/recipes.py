"""How the test clips are made: sources, tags and ffmpeg command lines, each for one trap of real media."""

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()
Build = Callable[[Path], None]


def ffmpeg(*args: str | Path, stdin: bytes | None = None) -> None:
    """Run ffmpeg to its end; what it says is shown when it fails."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-v", "error", "-y", *map(str, args)]
    if stdin is not None:
        command.remove("-nostdin")
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')}")


# --- sources --------------------------------------------------------------------------------------------------------


def picture(rate: str = "25", size: str = "160x90") -> str:
    """A moving test picture in exact RGB, as soft and as little saturated as a photograph.

    Glaring colours beside each other leave the gamut once their chroma is halved, and no path through RGB returns them.
    """
    muted = "colorchannelmixer=.5:.25:.15:0:.15:.5:.25:0:.25:.15:.5,lutrgb=r=val*0.8+24:g=val*0.8+24:b=val*0.8+24"
    return f"testsrc2=size={size}:rate={rate},format=gbrp,gblur=sigma=1,{muted}"


def to_yuv(pix_fmt: str = "yuv420p", matrix: str = "smpte170m", range_: str = "tv") -> str:
    """The filters that turn exact RGB into YUV with this matrix and range, leaving the result untagged."""
    convert = f"scale=out_color_matrix={matrix}:out_range={range_}:flags=accurate_rnd+full_chroma_int+full_chroma_inp"
    return f"{convert},format={pix_fmt},{tag()}"


def tag(matrix: str = "unknown", primaries: str = "unknown", transfer: str = "unknown", range_: str = "tv") -> str:
    """The filter that sets colour tags without touching a sample."""
    return f"setparams=range={range_}:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"


def tone(frequency_hz: int = 440, seconds: float = 1.6) -> tuple[str, ...]:
    """Input options for a stereo sine tone."""
    return (
        "-f",
        "lavfi",
        "-i",
        f"sine=frequency={frequency_hz}:duration={seconds}:sample_rate=48000,pan=stereo|c0=c0|c1=c0",
    )


PICTURES = ("-f", "lavfi", "-i", f"{picture()},{to_yuv()}")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18")
AAC = ("-c:a", "aac", "-b:a", "96k")


def video(*args: str, frames: int = 40, rate: str = "25", size: str = "160x90", filters: str | None = None) -> Build:
    """A build of the moving picture alone."""
    chain = f"{picture(rate, size)},{filters or to_yuv()}"

    def build(target: Path) -> None:
        ffmpeg("-f", "lavfi", "-i", chain, "-frames:v", str(frames), *args, target)

    return build


def with_tone(*args: str, frames: int = 40, rate: str = "25", filters: str | None = None) -> Build:
    """A build of the moving picture with a tone as long as it."""
    chain = f"{picture(rate)},{filters or to_yuv()}"

    def build(target: Path) -> None:
        seconds = float(frames / Fraction(rate))
        ffmpeg("-f", "lavfi", "-i", chain, *tone(seconds=seconds), "-frames:v", str(frames), *args, target)

    return build


# --- builds that take more than one command -------------------------------------------------------------------------


def two_pass_vp8(target: Path) -> None:
    """VP8 makes hidden alt-ref frames only in its second pass."""
    log = target.with_suffix(".passlog")
    common = ("-f", "lavfi", "-i", f"{picture()},{to_yuv()}", *tone(seconds=2.4), "-frames:v", "60", "-c:v", "libvpx")
    rate = ("-b:v", "150k", "-auto-alt-ref", "1", "-lag-in-frames", "25", "-arnr-maxframes", "7", "-passlogfile", log)
    ffmpeg(*common, *rate, "-an", "-pass", "1", "-f", "null", "-")
    ffmpeg(*common, *rate, "-c:a", "libvorbis", "-pass", "2", target)
    for leftover in target.parent.glob(log.name + "*"):
        leftover.unlink()


def cut_by_stream_copy(target: Path) -> None:
    """Cut at frame 23 of one long GOP: an edit list hides the 23 frames the rest depends on."""
    whole = target.with_name("whole-" + target.name)
    with_tone(*X264, "-g", "600", "-bf", "3", *AAC, frames=60)(whole)
    ffmpeg("-ss", "0.92", "-i", whole, "-c", "copy", target)
    whole.unlink()


def turned(*display: str) -> Build:
    """An upright clip whose container alone says that it was filmed turned, as phones do."""

    def build(target: Path) -> None:
        upright = target.with_name("upright-" + target.name)
        with_tone(*X264, *AAC)(upright)
        ffmpeg(*display, "-i", upright, "-c", "copy", target)
        upright.unlink()

    return build


def two_languages(target: Path) -> None:
    """An English track from the start, a German one that begins 0.4 s later."""
    later = ("-itsoffset", "0.4", *tone(880, 1.0))
    maps = (
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map",
        "2:a",
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=ger",
    )
    ffmpeg(
        "-f", "lavfi", "-i", f"{picture()},{to_yuv()}", *tone(), *later, *maps, "-frames:v", "40", *X264, *AAC, target
    )


SRT = b"1\n00:00:00,200 --> 00:00:00,900\nA first line\n\n2\n00:00:01,000 --> 00:00:01,500\nA second line\n"


def subtitled(codec: str) -> Build:
    """Text subtitles of this codec beside picture and tone."""

    def build(target: Path) -> None:
        script = target.with_name(target.name + ".srt")
        script.write_bytes(SRT)
        maps = ("-map", "0:v", "-map", "1:a", "-map", "2:s", "-metadata:s:s:0", "language=fre")
        source = f"{picture()},{to_yuv()}"
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            source,
            *tone(),
            "-i",
            script,
            *maps,
            "-frames:v",
            "40",
            *X264,
            *AAC,
            "-c:s",
            codec,
            target,
        )
        script.unlink()

    return build


METADATA = """;FFMETADATA1
title=A walk
artist=Somebody
[CHAPTER]
TIMEBASE=1/1000
START=0
END=800
title=Out
[CHAPTER]
TIMEBASE=1/1000
START=800
END=1600
title=Home
"""


def with_chapters(target: Path) -> None:
    """A title, an artist and two chapters."""
    script = target.with_name(target.name + ".txt")
    script.write_text(METADATA)
    source = f"{picture()},{to_yuv()}"
    chapters = (
        "-f",
        "ffmetadata",
        "-i",
        script,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map_metadata",
        "2",
        "-map_chapters",
        "2",
    )
    ffmpeg("-f", "lavfi", "-i", source, *tone(), *chapters, "-frames:v", "40", *X264, *AAC, target)
    script.unlink()


def damaged_tail(target: Path) -> None:
    """The last fifth of the file has a wrong byte in every hundred, and its very end is missing."""
    video(*X264, "-g", "12", "-bf", "2", frames=50)(target)
    whole = bytearray(target.read_bytes())
    for offset in range(len(whole) * 4 // 5, len(whole), 97):
        whole[offset] ^= 0x5A
    target.write_bytes(whole[:-200])


def truncated_faststart(target: Path) -> None:
    """The index stands first and promises 50 frames; the file ends after two thirds."""
    video(*X264, "-g", "12", "-bf", "2", "-movflags", "+faststart", frames=50)(target)
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) * 2 // 3])


def open_gop_start(target: Path) -> None:
    """Recording of a broadcast begins inside an open GOP: the file's first pictures refer to one that is not there."""
    whole = target.with_name("whole-" + target.name)
    gop = ("-c:v", "mpeg2video", "-b:v", "1M", "-g", "12", "-bf", "2", "-sc_threshold", "0")
    video(*gop, "-f", "mpegts", frames=48)(whole)
    packets = whole.read_bytes()
    cut = _second_random_access(packets)
    target.write_bytes(packets[: 188 * 3] + packets[cut:])
    whole.unlink()


def _second_random_access(packets: bytes) -> int:
    """Offset of the transport packet that starts the second intra picture."""
    starts = [
        offset
        for offset in range(0, len(packets), 188)
        # adaptation field present, its random-access flag set
        if packets[offset + 3] & 0x20 and packets[offset + 4] and packets[offset + 5] & 0x40
    ]
    return starts[1]


def spliced(*parts: Build) -> Build:
    """A broadcast of several pieces, each 20 frames at 25 a second, one after the other."""

    def build(target: Path) -> None:
        with target.open("wb") as joined:
            for number, part in enumerate(parts):
                piece = target.with_name(f"piece{number}-{target.name}")
                part(piece)
                joined.write(piece.read_bytes())
                piece.unlink()

    return build


def piece(number: int, *args: str, rate: str = "25", size: str = "160x90", filters: str | None = None) -> Build:
    """The piece of a broadcast with this number. No B-frames, so that it ends where the next begins."""
    place = ("-bf", "0", "-output_ts_offset", str(number * 0.8), "-f", "mpegts")
    return video(*X264, *place, *args, frames=20, rate=rate, size=size, filters=filters)


def sound_first(target: Path) -> None:
    """Pictures begin 0.5 s after the sound."""
    source = ("-itsoffset", "0.5", "-f", "lavfi", "-i", f"{picture()},{to_yuv()}")
    ffmpeg(*source, *tone(seconds=2.1), "-frames:v", "40", *X264, *AAC, target)


VFR = "settb=1/1000,setpts='(N*40+17*mod(N,3)+gt(N,10)*500)/(1000*TB)'"
TFF = f"interlace=scan=tff:lowpass=0,{to_yuv()}"
BFF = f"interlace=scan=bff:lowpass=0,{to_yuv()}"
PALETTE = "trim=end_frame=20,split[a][b];[a]palettegen[palette];[b][palette]paletteuse=dither=none"
HDR_SIGNAL = "format=gbrp10,lutrgb=r=val*0.75:g=val*0.75:b=val*0.75"
HDR_YUV = to_yuv("yuv420p10le", "bt2020nc")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "14", "-tag:v", "hvc1")
MASTERING = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
