"""How an output is written: codec, quality and container, checked before any work."""

import hashlib
from functools import cache
from typing import NamedTuple, Self

import imageio_ffmpeg
from pydantic import model_validator

from restyle.domain import Codec, Frozen
from restyle.errors import UnsupportedOutput

_ENCODING_VERSION = 3  # raised when other bytes would be written for the same options


class Coder(NamedTuple):
    """An ffmpeg encoder and its crf: the range (lower is better), and a default that suits painted pictures."""

    encoder: str
    best_crf: int
    worst_crf: int
    default_crf: int


class Container(NamedTuple):
    """An ffmpeg muxer, the video codecs it holds, and the encoders for sound and text it cannot take as they are."""

    muxer: str
    codecs: tuple[Codec, ...]
    audio_encoder: str
    text_encoder: str
    unplayable: tuple[str, ...] = ()  # audio codecs that the muxer takes but hardly any player of such files knows


CODERS: dict[Codec, Coder] = {
    "h264": Coder("libx264", 0, 51, 19),
    "hevc": Coder("libx265", 0, 51, 22),
    "av1": Coder("libsvtav1", 1, 63, 28),  # 0 means "not given" to SVT-AV1, and to NVENC
    "h264_nvenc": Coder("h264_nvenc", 1, 51, 19),
    "hevc_nvenc": Coder("hevc_nvenc", 1, 51, 22),
    "av1_nvenc": Coder("av1_nvenc", 1, 63, 28),
}
_BY_GPU = "_nvenc"
_ISO_UNPLAYABLE = ("vorbis", "wmav1", "wmav2", "wmapro", "wmalossless", "adpcm_ms", "adpcm_ima_wav", "truehd", "mlp")
CONTAINERS: dict[str, Container] = {
    ".mp4": Container("mp4", ("h264", "hevc", "av1"), "aac", "mov_text", _ISO_UNPLAYABLE),
    ".mov": Container("mov", ("h264", "hevc"), "aac", "mov_text", (*_ISO_UNPLAYABLE, "opus", "flac")),
    ".mkv": Container("matroska", ("h264", "hevc", "av1"), "flac", "subrip"),
    ".webm": Container("webm", ("av1",), "libopus", "webvtt"),
}


class OutputOptions(Frozen):
    """Codec, quality and container of an output. Raises UnsupportedOutput for what does not go together."""

    codec: Codec = "h264"
    crf: int | None = None
    suffix: str = ".mp4"

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        coder, container = CODERS[self.codec], CONTAINERS.get(self.suffix.lower())
        if container is None:
            raise UnsupportedOutput(f"outputs cannot be written as {self.suffix!r}; use one of {', '.join(CONTAINERS)}")
        if self.format not in container.codecs:
            fitting = " or ".join(container.codecs)
            raise UnsupportedOutput(f"{self.suffix} does not hold {self.format}; use --codec {fitting}, or an .mkv")
        if self.crf is not None and not coder.best_crf <= self.crf <= coder.worst_crf:
            bounds = f"{coder.best_crf} to {coder.worst_crf}"
            raise UnsupportedOutput(f"--crf {self.crf} is out of range; {self.codec} takes {bounds}")
        return self

    @property
    def on_gpu(self) -> bool:
        """Whether an NVIDIA GPU encodes."""
        return self.codec.endswith(_BY_GPU)

    @property
    def format(self) -> str:
        """What is coded, whoever encodes it: h264, hevc or av1."""
        return self.codec.removesuffix(_BY_GPU)

    def on_processor(self) -> Self:
        """The same where no GPU is needed, at the format's default quality if one was."""
        return self.model_copy(update={"codec": self.format, "crf": None}) if self.on_gpu else self

    @property
    def coder(self) -> Coder:
        """The encoder of the pictures."""
        return CODERS[self.codec]

    @property
    def container(self) -> Container:
        """The container of the output."""
        return CONTAINERS[self.suffix.lower()]

    @property
    def quality(self) -> int:
        """The crf in use: the one asked for, or the codec's default."""
        return self.coder.default_crf if self.crf is None else self.crf


def encoding_id(options: OutputOptions) -> str:
    """What decides the bytes of an output beside its pictures, as 12 hex digits: options and the coder's version."""
    told = f"{_ENCODING_VERSION}|{options.codec}|{options.quality}|{options.container.muxer}|{_coder_version()}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


@cache  # it is asked of a process
def _coder_version() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_version())
