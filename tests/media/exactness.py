"""How exact the media path is: a clip through decode, encode and mux, against the same encoder fed straight."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restyle.domain import VideoInfo
from restyle.media.decode import FrameDecoder
from restyle.media.encode import encode_segment
from restyle.media.mux import MuxPlan, assemble, rehearse_mux
from restyle.media.options import OutputOptions
from restyle.media.probe import probe_video
from restyle.media.sound import extract_sound
from restyle.media.timeline import shortest_step_s
from restyle.media.verify import OutputFacts, verify_output
from tests.media.clips import Clip
from tests.media.recipes import ffmpeg

CRF = 8
X264 = ("-c:v", "libx264", "-crf", str(CRF), "-preset", "fast")
Frames = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Passage:
    """A video put through the whole media path at strength 0."""

    source: Path
    target: Path
    info: VideoInfo
    plan: MuxPlan
    facts: OutputFacts
    frames: Frames  # as decoded


def put_through(path: Path, folder: Path, options: OutputOptions, max_side: int | None = None) -> Passage:
    """Probe, rehearse, extract, decode, encode, assemble and verify, as a run does."""
    info = probe_video(path)
    sound, segment = folder / f"{path.stem}.mka", folder / f"{path.stem}.segment.mkv"
    target = folder / f"{path.stem}-out{options.suffix}"
    with FrameDecoder(path, info, max_side) as decoder:
        size = decoder.width, decoder.height
        plan = rehearse_mux(path, info, options, size)
        has_sound = extract_sound(path, info, sound)
        frames = list(decoder.frames(0, info.frame_count))
    encode_segment(frames, size, info, options, segment)
    assemble([segment], info, plan, path, sound if has_sound else None, target)
    return Passage(path, target, info, plan, verify_output(target, info, plan), frames)


@dataclass(frozen=True)
class Exactness:
    """What became of one clip. PSNR in dB over all frames, in RGB, each file read with its tags by one decoder."""

    clip: Clip
    frames_in: int
    frames_out: int
    drift_s: float
    half_frame_s: float
    audio_in: tuple[str, ...]
    audio_out: tuple[str, ...]
    psnr_db: float
    direct_db: float
    straight: bool  # whether that encoder was fed the source's own samples, or the decoded RGB


def measure(clip: Clip, path: Path, folder: Path) -> Exactness:
    """Put a clip through, and compare it with the same encoder fed straight from the source."""
    passage = put_through(path, folder, OutputOptions(crf=CRF))
    direct = folder / f"{clip.name}-direct.mkv"
    straight = goes_straight(clip, passage.info)
    if straight:
        encode_straight(path, passage.info, direct)
    else:
        encode_decoded(passage, direct)
    return Exactness(
        clip=clip,
        frames_in=passage.info.frame_count,
        frames_out=passage.facts.frames,
        drift_s=passage.facts.worst_drift_s,
        half_frame_s=shortest_step_s(passage.info) / 2,
        audio_in=tuple(track.codec for track in passage.info.tracks if track.kind == "audio"),
        audio_out=_audio_out(passage),
        psnr_db=psnr_db(passage.frames, read(passage.target)),
        direct_db=psnr_db(passage.frames, read(direct)),
        straight=straight,
    )


def _audio_out(passage: Passage) -> tuple[str, ...]:
    """Codecs of the sound tracks found in the output; a copied one by its own name (MP4 marks MP2 and MP3 alike)."""
    found = [track.codec for track in passage.facts.tracks if track.kind == "audio"]
    planned = passage.plan.kept("audio")
    return tuple(p.track.codec if p.codec == "copy" else codec for p, codec in zip(planned, found, strict=True))


def goes_straight(clip: Clip, info: VideoInfo) -> bool:
    """Whether ffmpeg alone turns the source into comparable 4:2:0: no tone mapping, alpha, damage or change of size."""
    return not (clip.damaged or info.tone_map or info.codec == "gif" or clip.name in ("alpha", "size_change"))


def encode_straight(path: Path, info: VideoInfo, target: Path) -> None:
    """The source's samples to x264, without RGB in between: changed only where 8-bit 4:2:0 in limited range asks it."""
    stored = info.stored_color or info.color
    chain = ["bwdif=mode=send_frame:deint=interlaced"] if info.interlaced else []
    if info.width % 2 or info.height % 2:  # repeat the last column or row
        right, bottom = info.width % 2, info.height % 2
        chain += [
            f"format={'gbrp' if stored.matrix == 'gbr' else 'yuv444p'}",
            f"pad={info.width + right}:{info.height + bottom}",
            f"fillborders=right={right}:bottom={bottom}:mode=smear",
        ]
    if stored.matrix == "gbr" or stored.full_range:
        read = "" if stored.matrix == "gbr" else f"in_color_matrix={stored.matrix}:in_range=full:"
        chain.append(f"scale={read}out_color_matrix={info.color.matrix}:out_range=limited:flags=accurate_rnd")
    chain += ["format=yuv420p", _tags(info)]
    stream = ("-map", f"0:{info.stream_index}", "-fps_mode", "passthrough")
    ffmpeg("-i", path, *stream, "-vf", ",".join(chain), *X264, target)


def encode_decoded(passage: Passage, target: Path) -> None:
    """The decoded (tone-mapped, composited) RGB frames to x264, through ffmpeg's own best conversion."""
    info, (height, width, _) = passage.info, passage.frames[0].shape
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "25", "-i", "-")
    convert = f"scale=out_color_matrix={info.color.matrix}:out_range=limited:out_chroma_loc=left"
    flags = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    pixels = b"".join(frame.tobytes() for frame in passage.frames)
    ffmpeg(*raw, "-vf", f"{convert}:{flags},format=yuv420p,{_tags(info)}", *X264, target, stdin=pixels)


def _tags(info: VideoInfo) -> str:
    color = info.color
    return (
        f"setparams=range=limited:colorspace={color.matrix}:color_primaries={color.primaries}:"
        f"color_trc={color.transfer}:chroma_location=left:field_mode=prog"
    )


def read(path: Path) -> Frames:
    """Every frame of a file as RGB, read with its own tags."""
    info = probe_video(path)
    with FrameDecoder(path, info) as decoder:
        return list(decoder.frames(0, info.frame_count))


def psnr_db(source: Iterable[NDArray[np.uint8]], result: Iterable[NDArray[np.uint8]]) -> float:
    """Peak signal-to-noise ratio over all frames, in RGB; a repeated last row or column is left out."""
    errors = [
        np.mean(np.square(ours[: theirs.shape[0], : theirs.shape[1]].astype(np.float32) - theirs))
        for theirs, ours in zip(source, result, strict=True)
    ]
    return float(10 * np.log10(255**2 / max(float(np.mean(errors)), 1e-9)))
