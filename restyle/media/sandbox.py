"""What the Linux kernel lets a process do that meets untrusted bytes: no other file, no network, no other program.

Landlock confines files, seccomp takes the calls away by which a process reaches others; both need no privilege and no
tool, and both hold for good. A kernel or machine that has neither runs without: `confinement` says what there is.
"""

import ctypes
import errno
import logging
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
"""What a program may need to start."""

Enter = Callable[[], None]
"""Confines the process that calls it."""

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
# By Landlock's version: every right on files it knows, and on TCP, devices, abstract sockets and signals.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_FILE_RIGHTS = 16

# Calls that no decoder and no ffmpeg needs: (x86_64, aarch64), None where an architecture has no such call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kill": (62, 129),
    "tkill": (200, 130), "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "open_by_handle_at": (304, 265), "fork": (57, None), "vfork": (58, None),
    "shmget": (29, 194), "msgget": (68, 186),
}  # fmt: skip
# For a process that was started already, and has opened all it will ever open.
_DENIED_ONCE_STARTED: dict[str, tuple[int | None, int | None]] = {
    "execve": (59, 221), "execveat": (322, 281), "open": (2, None), "openat": (257, 56), "openat2": (437, 437),
    "creat": (85, None), "unlinkat": (263, 35), "renameat2": (316, 276), "chdir": (80, 49), "chroot": (161, 51),
}  # fmt: skip
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000  # calls of x86_64's other numbering begin here


class Confinement(NamedTuple):
    """What this machine offers."""

    landlock: int  # its version, 0 without
    seccomp: bool

    @property
    def words(self) -> str:
        """For people."""
        return " and ".join([f"Landlock {self.landlock}"] * bool(self.landlock) + ["seccomp"] * self.seccomp) or "none"


@lru_cache(maxsize=1)
def confinement() -> Confinement:
    """What this machine offers, found by asking; said in the log, once, where something is missing."""
    if _LIBC is None:
        return Confinement(0, False)
    landlock = max(0, int(_LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))
    # A null filter: EFAULT where filters are known, EINVAL where not.
    known = _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, None, 0, 0) == -1 and ctypes.get_errno() == errno.EFAULT
    found = Confinement(landlock, known and platform.machine() in _ARCHITECTURES)
    if not all(found):
        log.info("decoders are confined by %s alone: this kernel or container offers no more", found.words)
    return found


@contextmanager
def confined(readable: Iterable[Path], writable: Iterable[Path], programs: Iterable[Path]) -> Iterator[Enter]:
    """Gives a preexec function that leaves the program started with it these files, and no other and no network.

    writable: files that are there. The function does nothing but system calls, and what it cannot do it leaves.
    """
    found = confinement()
    rules = [(path, _READ_FILE) for path in readable]
    rules += [(path, _READ_FILE | _WRITE_FILE | _TRUNCATE) for path in writable]
    rules += [(path, _READ_FILE | _EXECUTE) for path in programs]
    rules += [(Path(path), _READ_FILE | _EXECUTE | _READ_DIR) for path in LIBRARIES]
    with _ruleset(found.landlock, rules) as ruleset:
        program = _filter(_DENIED) if found.seccomp else None
        yield lambda: _enter(ruleset, program)


def confine_this_process() -> None:
    """From now on this process, which must have one thread only, opens no file and no socket and starts no program."""
    found = confinement()
    with _ruleset(found.landlock, []) as ruleset:
        _enter(ruleset, _filter(_DENIED | _DENIED_ONCE_STARTED) if found.seccomp else None)


def limit(kind: int, most: int) -> None:
    """Lower a resource limit of this process for good; a lower one stays."""
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(kind, (most, most))


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def _enter(ruleset: int | None, program: _Program | None) -> None:
    assert _LIBC is not None or (ruleset, program) == (None, None)
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if ruleset is not None:
        _LIBC.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))
    if program is not None:
        _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


@contextmanager
def _ruleset(version: int, rules: Iterable[tuple[Path, int]]) -> Iterator[int | None]:
    """A Landlock ruleset as a file descriptor; None where there is no Landlock."""
    if _LIBC is None or not version:
        yield None
        return
    files = (1 << _FILE_RIGHTS.get(version, _NEWEST_FILE_RIGHTS)) - 1
    attributes = struct.pack("=QQQ", files, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = int(_LIBC.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0)))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "Landlock takes no ruleset")
    try:
        for path, rights in rules:
            _allow(ruleset, path, rights & files)
        yield ruleset
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    assert _LIBC is not None
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a folder of libraries that this system has not
    try:
        allowed = rights if path.is_dir() else rights & ~_READ_DIR
        _LIBC.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, place), ctypes.c_uint32(0))
    finally:
        os.close(place)


def _filter(denied: Mapping[str, tuple[int | None, int | None]]) -> _Program:
    """A seccomp program under which these calls, and those of foreign numberings, fail with EPERM."""
    place, architecture = _ARCHITECTURES[platform.machine()]
    numbers = sorted({number for pair in denied.values() if (number := pair[place]) is not None})
    load, equal, at_least, leave = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JGE|K, RET|K
    refusal = 5 + len(numbers)  # the place of the last instruction; a jump counts from the one after it
    code = [(load, 0, 0, 4), (equal, 0, refusal - 2, architecture), (load, 0, 0, 0), (at_least, refusal - 4, 0, _X32)]
    code += [(equal, refusal - place - 1, 0, number) for place, number in enumerate(numbers, start=len(code))]
    code += [(leave, 0, 0, 0x7FFF0000), (leave, 0, 0, 0x00050000 | errno.EPERM)]  # allow; fail with an error
    lines = (_Instruction * len(code))(*(_Instruction(*line) for line in code))
    return _Program(len(code), lines)
