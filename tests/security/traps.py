"""Files that name other files and addresses, in every way libav knows, to see that nobody follows."""

import struct
from collections.abc import Callable
from pathlib import Path

from tests.media.recipes import X264, ffmpeg, video

Trap = Callable[[Path, str, str], Path]
"""Writes a trap into a folder; it points at a file (named by its path) and at an address. Returns what is uploaded."""

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n{key}#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL>'
    '<SegmentBase indexRange="0-9"/></Representation></AdaptationSet></Period></MPD>'
)
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)
SMOOTH = '<SmoothStreamingMedia MajorVersion="2" Duration="1"><StreamIndex Url="{target}"/></SmoothStreamingMedia>'
ASX = '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'
IMF = '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>{target}</Id></CompositionPlaylist>'


def _text(name: str, form: str) -> Trap:
    def write(folder: Path, file: str, address: str) -> Path:
        path = folder / name
        path.write_text(form.format(file=file, target=address, key="", port=address.rpartition(":")[2].strip("/")))
        return path

    return write


def external_track(kind: bytes, levels: tuple[int, int] = (0, 0)) -> Trap:
    """A QuickTime film whose track lies, it says, in another file, by a data reference.

    levels: of an alias: how many folders up to the one that both have in common, and down again; 0: by absolute path.
    """

    def write(folder: Path, file: str, address: str) -> Path:
        plain, path = folder / "plain.mov", folder / "film.mov"
        video(*X264, frames=4, size="64x48")(plain)
        reference = _alias(file, levels) if kind == b"alis" else b"url \0\0\0\0" + address.encode() + b"\0"
        entry = struct.pack(">I", len(reference) + 4) + reference
        path.write_bytes(_with_reference(plain.read_bytes(), entry))
        return path

    return write


def _alias(file: str, levels: tuple[int, int]) -> bytes:
    """A Macintosh alias to a path, as libav reads it (mov.c, mov_read_dref)."""
    name = file.rpartition("/")[2].encode()[:63]
    path = b"/" * (len(file.encode()) % 2) + file.encode()  # libav takes a filler for a part of the path
    fixed = b"\0" * 10 + bytes([4]) + b"disk".ljust(27, b"\0") + b"\0" * 12
    fixed += bytes([len(name)]) + name.ljust(63, b"\0") + b"\0" * 16 + struct.pack(">HH", *levels) + b"\0" * 16
    told = struct.pack(">HH", 2, len(path)) + path
    return b"alis\0\0\0\0" + fixed + told + struct.pack(">hH", -1, 0)


def _with_reference(film: bytes, entry: bytes) -> bytes:
    """The film, its index at the end, with another entry in place of its self-contained data reference."""
    at = film.rindex(b"dref") - 4
    (size,) = struct.unpack_from(">I", film, at)
    grown = struct.pack(">I", 16 + len(entry)) + b"dref\0\0\0\0\0\0\0\1" + entry
    made = bytearray(film[:at] + grown + film[at + size :])
    for box in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = made.rindex(box, 0, at + 8) - 4
        (old,) = struct.unpack_from(">I", made, place)
        struct.pack_into(">I", made, place, old + len(grown) - size)
    return bytes(made)


def _numbered_pictures(folder: Path, file: str, address: str) -> Path:
    """A name that is a pattern to those who take it for one."""
    for number in (1, 2):
        (folder / f"frame{number}.png").write_bytes(Path(file).read_bytes())
    path = folder / "frame%d.png"
    path.write_bytes(Path(file).read_bytes())
    return path


def _subtitles_that_include(folder: Path, file: str, address: str) -> Path:
    """Subtitles with a picture and a font from elsewhere: HTML and ASS as players have been known to obey."""
    words, path = folder / "words.srt", folder / "film.mkv"
    words.write_text(
        f"1\n00:00:00,000 --> 00:00:01,000\n<img src='{address}'><font face='{file}'>{{\\fn{file}}}{{\\img({file})}}\n"
    )
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    attached = ("-attach", str(words), "-metadata:s:t", "mimetype=text/plain", "-metadata:s:t", f"filename={file}")
    ffmpeg(*picture, "-i", words, "-map", "0", "-map", "1", *X264, "-c:s", "ass", *attached, path)
    return path


TRAPS: dict[str, Trap] = {
    "hls of a file": _text("list.m3u8", HLS.replace("{target}", "file://{file}")),
    "hls of a path": _text("list.m3u8", HLS.replace("{target}", "{file}")),
    "hls of an address": _text("list.m3u8", HLS),
    "hls with a key from a file": _text("list.m3u8", HLS.replace("{key}", '#EXT-X-KEY:METHOD=AES-128,URI="{file}"\n')),
    "hls in hls, by protocols that nest": _text("l.m3u8", HLS.replace("{target}", "concat:{file}|subfile,,:{file}")),
    "concat of a file": _text("list.ffconcat", "ffconcat version 1.0\nfile '{file}'\n"),
    "concat of a file beside it": _text("list.ffconcat", "ffconcat version 1.0\nfile elsewhere/canary.png\n"),
    "concat of an address": _text("list.ffconcat", "ffconcat version 1.0\nfile {target}\n"),
    "dash": _text("list.mpd", DASH),
    "dash of a file": _text("list.mpd", DASH.replace("{target}", "file://{file}")),
    "sdp": _text("call.sdp", SDP),
    "smooth streaming": _text("client.ism", SMOOTH),
    "asx": _text("list.asx", ASX),
    "imf": _text("cpl.xml", IMF),
    "avisynth": _text("script.avs", 'AviSource("{file}")\n'),
    "subtitle index": _text("film.idx", "# VobSub index file, v7 (do not modify this line!)\nlangidx: 0\n"),
    "pictures by a pattern": _numbered_pictures,
    "a film's track in another file": external_track(b"alis"),
    "a film's track in a file beside it": external_track(b"alis", (1, 2)),
    "a film's track at an address": external_track(b"url "),
    "subtitles that include": _subtitles_that_include,
}
