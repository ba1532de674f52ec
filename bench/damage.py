"""Small real videos of every container that restyle reads, and a seeded hand that damages them."""

import random
from pathlib import Path

from tests.media.recipes import AAC, X264, ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.6")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:duration=0.6")
SUBTITLES = "1\n00:00:00,000 --> 00:00:00,500\n<b>words</b>\n"
EVERY_TRACK = ("-i", "words.srt", "-map", "0", "-map", "1", "-map", "2")
SEEDS: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*SOUND, "-pix_fmt", "yuv420p", *X264, *AAC),
    "fragmented.mp4": (*SOUND, "-pix_fmt", "yuv420p", *X264, *AAC, "-movflags", "+frag_keyframe+empty_moov"),
    "subtitles.mov": (*SOUND, *EVERY_TRACK, *X264, "-c:a", "pcm_s16le", "-c:s", "mov_text"),
    "subtitles.mkv": (*SOUND, *EVERY_TRACK, *X264, "-c:a", "flac", "-c:s", "ass"),
    "hevc.mp4": ("-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
    "av1.mkv": ("-pix_fmt", "yuv420p", "-c:v", "libsvtav1", "-preset", "12"),
    "vp8.webm": (*SOUND, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "mpeg2.ts": (*SOUND, "-r", "25", "-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-c:a", "mp2"),
    "mpeg1.mpg": ("-r", "25", "-c:v", "mpeg1video"),
    "mpeg4.avi": (*SOUND, "-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "0"),
    "flash.flv": (*SOUND, "-pix_fmt", "yuv420p", "-c:v", "flv1", "-c:a", "aac"),
    "windows.wmv": (*SOUND, "-c:v", "wmv2", "-c:a", "wmav2"),
    "theora.ogv": (*SOUND, "-pix_fmt", "yuv420p", "-c:v", "libtheora", "-c:a", "libvorbis"),
    "ffv1.nut": ("-c:v", "ffv1"),
    "mpeg2.mxf": ("-r", "25", "-pix_fmt", "yuv420p", "-c:v", "mpeg2video"),
    "raw.y4m": ("-pix_fmt", "yuv420p"),
    "palette.gif": (),
    "annexb.h264": ("-pix_fmt", "yuv420p", *X264, "-f", "h264"),
    "vp8.ivf": ("-c:v", "libvpx", "-deadline", "realtime"),
}  # fmt: skip
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def make_seeds(folder: Path) -> dict[str, bytes]:
    """A small real file of each kind."""
    words = folder / "words.srt"
    words.write_text(SUBTITLES)
    for name, how in SEEDS.items():
        ffmpeg(*PICTURE, *(str(words) if word == words.name else word for word in how), folder / name)
    return {name: (folder / name).read_bytes() for name in SEEDS}


def mutated(seeds: dict[str, bytes], seed: int, number: int, strings: tuple[bytes, ...] = ()) -> tuple[str, bytes]:
    """File number `number`, the same for the same seed: the name of what it was, and its bytes.

    strings: planted now and then, as names of files and addresses that nobody must follow.
    """
    hand = random.Random(f"{seed}:{number}")  # noqa: S311  (no secret)
    name = hand.choice(sorted(seeds))
    data = bytearray(seeds[name])
    for _ in range(hand.choice((1, 1, 2, 4, 16, 64))):
        _damage(data, seeds, hand, strings)
    return name, bytes(data)


def _damage(data: bytearray, seeds: dict[str, bytes], hand: random.Random, strings: tuple[bytes, ...]) -> None:
    size = len(data)
    if not size:
        return
    # Headers decide most: half of the blows fall on the first 2 KiB or the last 4.
    near = hand.choice((range(size), range(size), range(min(size, 2048)), range(max(0, size - 4096), size)))
    at, length = hand.choice(near), hand.choice((1, 2, 4, 8, 64, 1024))
    match hand.randrange(9):
        case 0 | 1:
            data[at] ^= 1 << hand.randrange(8)
        case 2 | 3:
            width = hand.choice((1, 2, 4, 8))
            number = (hand.choice(NUMBERS) + hand.randrange(-1, 2)) % (1 << 8 * width)
            data[at : at + width] = number.to_bytes(width, hand.choice(("big", "little")))
        case 4:
            data[at : at + length] = hand.randbytes(length)
        case 5:
            del data[at : at + length]
        case 6:
            data[at:at] = data[at : at + length]
        case 7:
            other = seeds[hand.choice(sorted(seeds))]
            begin = hand.randrange(len(other))
            data[at : at + length] = other[begin : begin + length]
        case 8:
            if strings and hand.random() < 0.8:
                words = hand.choice(strings)
                data[at : at + len(words)] = words
            else:
                del data[at:]
