"""Small video clips, each built to hold one trap of real media, with what is known of it by construction.

Every clip is written by the real ffmpeg binary when a test first asks for it. ``CLIPS`` lists them all; the fixture
``clips`` hands out their paths: ``clips["cut_by_stream_copy"]``. Frame counts, sizes and tags stated here follow from
the commands, never from a reading of the result.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.media import recipes
from tests.media.recipes import AAC, X264, X265, Build, tag, to_yuv, video, with_tone


@dataclass(frozen=True)
class Clip:
    """A clip: what it tests, how it is made, what a right reading finds in it."""

    name: str
    tests: str
    suffix: str
    build: Build
    frames: int
    width: int = 160  # of a frame as shown upright
    height: int = 90
    sample_aspect: Fraction = Fraction(1)
    rotation_deg: int = 0
    mirrored: bool = False
    interlaced: bool = False
    matrix: str = "smpte170m"  # the guess for untagged material of this size
    primaries: str = "bt709"
    transfer: str = "bt709"
    full_range: bool = False
    tone_mapped: bool = False
    audio: tuple[str, ...] = ()
    subtitles: tuple[str, ...] = ()
    languages: tuple[str | None, ...] | None = None
    hidden_packets: int = 0  # at least so many packets hold no frame that is shown
    damaged: bool = False  # then ``frames`` is the most that can be there

    @property
    def filename(self) -> str:
        return self.name + self.suffix


class ClipCache(Mapping[str, Path]):
    """Paths of clips by name, each built once when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clips = {clip.name: clip for clip in CLIPS}

    def __getitem__(self, name: str) -> Path:
        clip = self._clips[name]
        path = self._folder / clip.filename
        if not path.exists():
            aside = self._folder / ("building-" + clip.filename)
            clip.build(aside)
            aside.rename(path)
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(self._clips)

    def __len__(self) -> int:
        return len(self._clips)


CLIPS: tuple[Clip, ...] = (
    # Rates and time stamps
    Clip("cfr_25", "a plain clip at 25 frames a second", ".mp4", with_tone(*X264, *AAC), 40, audio=("aac",)),
    Clip("cfr_30", "30 frames a second", ".mp4", with_tone(*X264, *AAC, rate="30"), 40, audio=("aac",)),
    Clip(
        "cfr_29_97", "30000/1001 frames a second", ".mp4", with_tone(*X264, *AAC, rate="30000/1001"), 40, audio=("aac",)
    ),
    Clip("cfr_60", "60 frames a second", ".mkv", with_tone(*X264, *AAC, frames=60, rate="60"), 60, audio=("aac",)),
    Clip(
        "vfr",
        "uneven steps and a pause of half a second",
        ".mp4",
        video(
            *X264,
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "1/90000",
            "-video_track_timescale",
            "90000",
            filters=f"{to_yuv()},{recipes.VFR}",
        ),
        40,
    ),
    Clip("one_frame", "one single frame", ".mp4", video(*X264, frames=1), 1),
    Clip(
        "starts_late",
        "time stamps begin at 5 s",
        ".mkv",
        with_tone(*X264, *AAC, "-output_ts_offset", "5"),
        40,
        audio=("aac",),
    ),
    Clip(
        "starts_negative",
        "the first ten blocks lie before time zero and come without a time stamp",
        ".mkv",
        video(*X264, "-bf", "0", "-output_ts_offset", "-0.4", "-avoid_negative_ts", "disabled"),
        40,
    ),
    Clip(
        "sound_first", "pictures begin half a second after the sound", ".mp4", recipes.sound_first, 40, audio=("aac",)
    ),
    Clip(
        "cut_by_stream_copy",
        "an edit list hides 23 decoded frames",
        ".mp4",
        recipes.cut_by_stream_copy,
        37,
        audio=("aac",),
        hidden_packets=23,
    ),
    # Structure
    Clip(
        "long_gop",
        "one intra frame in the whole clip",
        ".mp4",
        video(*X264, "-g", "600", "-sc_threshold", "0", frames=60),
        60,
    ),
    Clip("all_intra", "every frame a key frame", ".mp4", video(*X264, "-g", "1"), 40),
    Clip(
        "open_gop",
        "pictures that refer across GOP borders",
        ".mkv",
        video(*X264, "-g", "10", "-bf", "3", "-x264-params", "open-gop=1:scenecut=0:b-adapt=0"),
        40,
    ),
    Clip("open_gop_start", "begins inside an open GOP", ".ts", recipes.open_gop_start, 36, hidden_packets=2),
    Clip(
        "b_pyramid",
        "deep reordering",
        ".mp4",
        video(*X264, "-bf", "8", "-x264-params", "b-pyramid=normal:b-adapt=0:scenecut=0"),
        40,
    ),
    Clip(
        "vp8_alt_ref",
        "hidden reference frames; Vorbis",
        ".webm",
        recipes.two_pass_vp8,
        60,
        matrix="bt470bg",  # VP8 knows no other
        audio=("vorbis",),
        hidden_packets=1,
    ),
    Clip(
        "size_change",
        "the picture size changes half way",
        ".ts",
        recipes.spliced(recipes.piece(0), recipes.piece(1, size="192x108")),
        40,
    ),
    # Codecs and containers
    Clip(
        "vp9_opus",
        "VP9 and Opus",
        ".webm",
        with_tone("-c:v", "libvpx-vp9", "-b:v", "400k", "-cpu-used", "6", "-c:a", "libopus"),
        40,
        audio=("opus",),
    ),
    Clip("av1", "AV1", ".mp4", with_tone("-c:v", "libsvtav1", "-preset", "10", "-crf", "20", *AAC), 40, audio=("aac",)),
    Clip("hevc", "HEVC", ".mp4", with_tone(*X265, "-x265-params", "log-level=error", *AAC), 40, audio=("aac",)),
    Clip(
        "mpeg2_ts",
        "MPEG-2 in a transport stream",
        ".ts",
        with_tone("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-c:a", "mp2"),
        40,
        audio=("mp2",),
    ),
    Clip(
        "mpeg4_avi",
        "MPEG-4 with B-frames in AVI, which has no time stamps",
        ".avi",
        with_tone("-c:v", "mpeg4", "-q:v", "3", "-bf", "2", "-c:a", "libmp3lame"),
        40,
        audio=("mp3",),
    ),
    Clip(
        "mjpeg_pcm_avi",
        "motion JPEG, full range, PCM",
        ".avi",
        with_tone(
            "-c:v",
            "mjpeg",
            "-q:v",
            "3",
            "-c:a",
            "pcm_s16le",
            filters=to_yuv("yuvj420p", range_="pc") + ",setparams=range=pc",
        ),
        40,
        matrix="bt470bg",  # JFIF knows no other
        audio=("pcm_s16le",),
        full_range=True,
    ),
    Clip("pcm_mov", "PCM in QuickTime", ".mov", with_tone(*X264, "-c:a", "pcm_s16le"), 40, audio=("pcm_s16le",)),
    Clip(
        "flv",
        "Sorenson in Flash video, no durations",
        ".flv",
        with_tone("-c:v", "flv", "-q:v", "3", "-ar", "44100", "-c:a", "libmp3lame"),
        40,
        audio=("mp3",),
    ),
    Clip("wmv", "Windows media", ".wmv", with_tone("-c:v", "wmv2", "-q:v", "3", "-c:a", "wmav2"), 40, audio=("wmav2",)),
    Clip(
        "theora",
        "Theora in Ogg",
        ".ogv",
        with_tone("-c:v", "libtheora", "-q:v", "8", "-c:a", "libvorbis"),
        40,
        audio=("vorbis",),
    ),
    # Geometry
    Clip(
        "rotated_90",
        "to be turned 90 degrees clockwise",
        ".mp4",
        recipes.turned("-display_rotation", "-90"),
        40,
        90,
        160,
        rotation_deg=90,
        audio=("aac",),
    ),
    Clip(
        "rotated_180",
        "to be turned half round",
        ".mp4",
        recipes.turned("-display_rotation", "180"),
        40,
        rotation_deg=180,
        audio=("aac",),
    ),
    Clip(
        "rotated_270",
        "to be turned 270 degrees clockwise",
        ".mp4",
        recipes.turned("-display_rotation", "90"),
        40,
        90,
        160,
        rotation_deg=270,
        audio=("aac",),
    ),
    Clip(
        "mirrored",
        "to be shown as in a mirror",
        ".mp4",
        recipes.turned("-display_rotation", "0", "-display_hflip"),
        40,
        mirrored=True,
        audio=("aac",),
    ),
    Clip(
        "non_square_pixels",
        "pixels wider than high",
        ".mp4",
        video(*X264, filters=f"{to_yuv()},setsar=64/45"),
        40,
        sample_aspect=Fraction(64, 45),
    ),
    Clip(
        "odd_size",
        "odd width and height in 4:2:0",
        ".webm",
        video("-c:v", "libvpx-vp9", "-b:v", "400k", "-cpu-used", "6", size="161x91"),
        40,
        161,
        91,
    ),
    Clip(
        "interlaced_tff",
        "interlaced H.264, top field first",
        ".mp4",
        video(*X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1", rate="50", size="160x96", filters=recipes.TFF),
        40,
        160,
        96,
        interlaced=True,
    ),
    Clip(
        "interlaced_bff",
        "interlaced MPEG-2, bottom field first",
        ".mpg",
        video(
            "-c:v", "mpeg2video", "-b:v", "3M", "-flags", "+ildct+ilme", rate="50", size="160x96", filters=recipes.BFF
        ),
        40,
        160,
        96,
        interlaced=True,
    ),
    Clip(
        "interlaced_half",
        "progressive first, then interlaced",
        ".ts",
        recipes.spliced(
            recipes.piece(0, size="160x96"),
            recipes.piece(
                1, "-flags", "+ildct+ilme", "-x264-params", "tff=1", rate="50", size="160x96", filters=recipes.TFF
            ),
        ),
        40,
        160,
        96,
        interlaced=True,
    ),
    # Sample formats and colour
    Clip("ten_bit", "10 bits a sample", ".mp4", video(*X264, filters=to_yuv("yuv420p10le")), 40),
    Clip(
        "chroma_422",
        "4:2:2, ProRes, 10 bits",
        ".mov",
        video("-c:v", "prores_ks", "-profile:v", "2", frames=20, filters=to_yuv("yuv422p10le")),
        20,
    ),
    Clip("chroma_444", "4:4:4", ".mp4", video(*X264, filters=to_yuv("yuv444p")), 40),
    Clip(
        "rgb",
        "RGB samples, lossless, odd size",
        ".mkv",
        video("-c:v", "ffv1", frames=20, size="161x91", filters="format=gbrp"),
        20,
        161,
        91,
        transfer="iec61966-2-1",
    ),
    Clip(
        "palette_gif",
        "a palette with transparency",
        ".gif",
        video(frames=20, filters=recipes.PALETTE),
        20,
        transfer="iec61966-2-1",
    ),
    Clip(
        "alpha",
        "transparent ProRes 4444",
        ".mov",
        video(
            "-c:v",
            "prores_ks",
            "-profile:v",
            "4",
            "-alpha_bits",
            "16",
            frames=20,
            filters=f"format=gbrap,colorchannelmixer=aa=0.5,{to_yuv('yuva444p10le')}",
        ),
        20,
    ),
    Clip(
        "full_range",
        "full-range H.264",
        ".mp4",
        video(*X264, filters=f"{to_yuv(matrix='bt709', range_='pc')},{tag('bt709', 'bt709', 'bt709', 'pc')}"),
        40,
        matrix="bt709",
        full_range=True,
    ),
    Clip(
        "bt601_tagged",
        "tagged BT.601",
        ".mp4",
        video(*X264, filters=f"{to_yuv()},{tag('smpte170m', 'smpte170m', 'smpte170m')}"),
        40,
        primaries="smpte170m",
        transfer="smpte170m",
    ),
    Clip(
        "bt709_tagged",
        "tagged BT.709 though small",
        ".mp4",
        video(*X264, filters=f"{to_yuv(matrix='bt709')},{tag('bt709', 'bt709', 'bt709')}"),
        40,
        matrix="bt709",
    ),
    Clip(
        "bt2020_sdr",
        "BT.2020 colours without HDR",
        ".mp4",
        video(
            *X265,
            "-x265-params",
            "log-level=error",
            filters=f"{recipes.HDR_YUV},{tag('bt2020nc', 'bt2020', 'bt2020-10')}",
        ),
        40,
        matrix="bt2020nc",
        primaries="bt2020",
        transfer="bt2020-10",
    ),
    Clip(
        "untagged_hd",
        "no tags at HD size: BT.709 by convention",
        ".mp4",
        video(*X264, frames=10, size="1280x720", filters=to_yuv(matrix="bt709")),
        10,
        1280,
        720,
        matrix="bt709",
    ),
    Clip(
        "hdr_pq",
        "HDR10: PQ, BT.2020, mastering metadata",
        ".mp4",
        video(
            *X265,
            "-x265-params",
            f"log-level=error:{recipes.MASTERING}",
            frames=20,
            filters=f"{recipes.HDR_SIGNAL},{recipes.HDR_YUV},{tag('bt2020nc', 'bt2020', 'smpte2084')}",
        ),
        20,
        matrix="bt709",
        tone_mapped=True,
    ),
    Clip(
        "hdr_hlg",
        "HDR: HLG, BT.2020",
        ".mp4",
        video(
            *X265,
            "-x265-params",
            "log-level=error",
            frames=20,
            filters=f"{recipes.HDR_SIGNAL},{recipes.HDR_YUV},{tag('bt2020nc', 'bt2020', 'arib-std-b67')}",
        ),
        20,
        matrix="bt709",
        tone_mapped=True,
    ),
    # Sound, subtitles, metadata
    Clip("silent", "no sound at all", ".mp4", video(*X264), 40),
    Clip(
        "two_languages",
        "two tracks, the second 0.4 s late",
        ".mp4",
        recipes.two_languages,
        40,
        audio=("aac", "aac"),
        languages=("eng", "ger"),
    ),
    Clip(
        "subtitles_mov_text",
        "subtitles in MP4",
        ".mp4",
        recipes.subtitled("mov_text"),
        40,
        audio=("aac",),
        subtitles=("mov_text",),
    ),
    Clip(
        "subtitles_srt",
        "subtitles in Matroska",
        ".mkv",
        recipes.subtitled("srt"),
        40,
        audio=("aac",),
        subtitles=("subrip",),
    ),
    Clip("chapters", "title, artist and two chapters", ".mp4", recipes.with_chapters, 40, audio=("aac",)),
    # Damage
    Clip("damaged_tail", "wrong bytes in the last fifth", ".mkv", recipes.damaged_tail, 50, damaged=True),
    Clip(
        "truncated",
        "the index promises more than the file holds",
        ".mp4",
        recipes.truncated_faststart,
        50,
        damaged=True,
    ),
)
