"""Makes samples/sample.mp4: a camera moving over three photographs in the public domain, with a small tune.

Run with the project's dev dependencies: `python samples/make_sample.py`. The same versions give the same bytes.
"""

import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

OUTPUT = Path(__file__).with_name("sample.mp4")
WIDTH, HEIGHT, FPS = 640, 360, 25
SHOT_S, FADE_S = 2.4, 0.6
SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class View:
    """What the camera frames: its centre and width as fractions of the photograph's width."""

    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Shot:
    """A photograph of scikit-image and the camera's way over it."""

    photograph: str
    begin: View
    end: View


SHOTS = (
    Shot("rocket", View(0.50, 0.46, 0.62), View(0.49, 0.37, 0.97)),
    Shot("chelsea", View(0.38, 0.32, 0.62), View(0.54, 0.33, 0.90)),
    Shot("coffee", View(0.50, 0.30, 0.95), View(0.50, 0.235, 0.72)),
)
DURATION_S = len(SHOTS) * SHOT_S - (len(SHOTS) - 1) * FADE_S

# MIDI notes, one each 0.3 s: arpeggios of D major 7 and G major 7, back to D; then the closing notes.
ARPEGGIO = (50, 57, 62, 66, 69, 73, 43, 55, 59, 62, 66, 71, 50, 57, 62, 66)
ONSETS_S = (*(0.15 + 0.3 * step for step in range(len(ARPEGGIO))), 4.95, 4.95, 4.95)
NOTES = (*ARPEGGIO, 38, 69, 74)


def framed(photograph: Image.Image, view: View) -> NDArray[np.float32]:
    """What the camera sees: (HEIGHT, WIDTH, 3) float32 in 0..255, at sub-pixel positions."""
    size = photograph.width
    width, height = view.width * size, view.width * size * HEIGHT / WIDTH
    left, top = view.x * size - width / 2, view.y * size - height / 2
    box = (left, top, left + width, top + height)
    assert min(left, top) >= 0 and box[2] <= size and box[3] <= photograph.height, f"{view} looks past the edge"
    seen = photograph.transform((WIDTH, HEIGHT), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC)
    return np.asarray(seen, np.float32)


def between(begin: View, end: View, t: float) -> View:
    """The view at t in 0..1, moving off and coming to rest gently."""
    eased = 0.5 * t + 0.5 * t * t * (3 - 2 * t)
    x, y, width = (b + (e - b) * eased for b, e in zip(astuple(begin), astuple(end), strict=True))
    return View(x, y, width)


def frames() -> Iterator[bytes]:
    """The clip's frames, rgb24, with cross-fades where shots overlap."""
    photographs = [Image.fromarray(getattr(data, shot.photograph)()) for shot in SHOTS]
    for index in range(round(DURATION_S * FPS)):
        mixed = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for number, (shot, photograph) in enumerate(zip(SHOTS, photographs, strict=True)):
            since = index / FPS - number * (SHOT_S - FADE_S)
            if not 0 <= since < SHOT_S:
                continue
            opacity = min(1.0, (since + 1 / FPS) / FADE_S) if number else 1.0
            seen = framed(photograph, between(shot.begin, shot.end, since / SHOT_S))
            mixed = mixed * (1 - opacity) + seen * opacity
        yield np.clip(np.rint(mixed), 0, 255).astype(np.uint8).tobytes()


def pluck(note: int, seconds: float) -> NDArray[np.float64]:
    """A soft string: decaying harmonics, the higher the faster; begins at zero, so that nothing clicks."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440 * 2 ** ((note - 69) / 12)
    tone = sum(np.sin(2 * np.pi * frequency * k * t) * np.exp(-t * (1.1 + 0.9 * k)) / k**1.7 for k in range(1, 7))
    return np.asarray(tone) * np.minimum(t / 0.012, 1)


def sound() -> NDArray[np.int16]:
    """The tune in stereo, (samples, 2): low notes to the left, high ones to the right, a fade at the end."""
    length = int(DURATION_S * SAMPLE_RATE)
    mixed = np.zeros((length, 2))
    for onset, note in zip(ONSETS_S, NOTES, strict=True):
        right = np.clip((note - 38) / 36, 0.15, 0.85)
        for delay_s, gain, pan in ((0.0, 1.0, right), (0.19, 0.28, 1 - right), (0.37, 0.12, right)):
            start = int((onset + delay_s) * SAMPLE_RATE)
            tone = gain * pluck(note, DURATION_S - onset - delay_s)[: length - start]
            mixed[start : start + len(tone)] += tone[:, None] * np.sqrt([1 - pan, pan])
    left_s = DURATION_S - np.arange(length) / SAMPLE_RATE
    mixed *= np.minimum(left_s / 0.8, 1)[:, None] ** 2
    return np.asarray(np.rint(mixed * (0.7 * 32767 / np.abs(mixed).max())), np.int16)


def main() -> None:
    """Write the clip beside this script."""
    with tempfile.TemporaryDirectory() as folder:
        tune = Path(folder) / "tune.wav"
        with wave.open(str(tune), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(sound().tobytes())
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-"]
        pixels = ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"]
        tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
        video = ["-c:v", "libx264", "-preset", "veryslow", "-crf", "20", *pixels, *tags]
        audio = ["-c:a", "aac", "-b:a", "128k", "-metadata:s:a:0", "language=eng"]
        plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact", "-movflags", "+faststart"]
        program = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
        command = [*program, *raw, "-i", str(tune), *video, *audio, *plain, str(OUTPUT)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
            assert ffmpeg.stdin is not None
            for frame in frames():
                ffmpeg.stdin.write(frame)
    if ffmpeg.returncode:
        raise SystemExit(f"ffmpeg ended with {ffmpeg.returncode}")
    print(f"{OUTPUT}: {DURATION_S:g} s, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
