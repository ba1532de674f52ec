"""A Blu-ray (PGS) subtitle stream made by hand: no encoder at hand writes one."""

import struct


def pgs(start_s: float, end_s: float) -> bytes:
    """A stream in the .sup format that shows a small white box from start_s to end_s on a 160x90 video."""
    return _picture(start_s) + _cleared(end_s)


def _segment(time_s: float, kind: int, payload: bytes = b"") -> bytes:
    return b"PG" + struct.pack(">IIBH", round(time_s * 90000), 0, kind, len(payload)) + payload


def _picture(time_s: float) -> bytes:
    lines = 4 * b"\x00\x88\x01\x00\x00"  # eight pixels of colour 1, end of line
    shown = struct.pack(">HHBHBBBB", 160, 90, 0x10, 0, 0x80, 0, 0, 1) + struct.pack(">HBBHH", 0, 0, 0, 8, 8)
    data = struct.pack(">HBB", 0, 0, 0xC0) + (len(lines) + 4).to_bytes(3, "big") + struct.pack(">HH", 8, 4) + lines
    return (
        _segment(time_s, 0x16, shown)
        + _segment(time_s, 0x17, struct.pack(">BBHHHH", 1, 0, 8, 8, 8, 4))
        + _segment(time_s, 0x14, struct.pack(">BBBBBBB", 0, 0, 1, 235, 128, 128, 255))
        + _segment(time_s, 0x15, data)
        + _segment(time_s, 0x80)
    )


def _cleared(time_s: float) -> bytes:
    nothing = struct.pack(">HHBHBBBB", 160, 90, 0x10, 1, 0, 0, 0, 0)
    window = struct.pack(">BBHHHH", 1, 0, 8, 8, 8, 4)
    return _segment(time_s, 0x16, nothing) + _segment(time_s, 0x17, window) + _segment(time_s, 0x80)
