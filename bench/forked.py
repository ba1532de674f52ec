"""Decoder processes for thousands of files: copies of this process with its modules loaded, not new interpreters.

From there on a copy runs what a decoder process runs, restyle.media.child with its limits and its sandbox.
"""

import os
import runpy
import signal
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NoReturn

import restyle.media.decode_child
import restyle.media.probe_child  # noqa: F401  (loaded for the copies)
from restyle.media import decoder_process


class Forked:
    """To a DecoderProcess, what subprocess.Popen is. Its process must have one thread only."""

    def __init__(
        self, command: Sequence[str], *, pass_fds: Sequence[int], env: dict[str, str], **_: Any
    ) -> None:  # what Popen takes
        (stdin, self_in), (self_out, stdout), (self_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _become(command[-3:], (stdin, stdout, stderr), pass_fds, env)
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        self.stdin = os.fdopen(self_in, "wb", buffering=0)
        self.stdout, self.stderr = (os.fdopen(fd, "rb", buffering=0) for fd in (self_out, self_err))
        self.returncode: int | None = None

    def kill(self) -> None:
        """End it, unless it ended."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Reap it; returns its exit status, or the signal that ended it as a negative number."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def fork_decoders() -> None:
    """From now on this process has copies of itself decode."""
    decoder_process.subprocess = SimpleNamespace(Popen=Forked, PIPE=None)  # type: ignore[assignment]


def _become(arguments: Sequence[str], standard: Sequence[int], kept: Sequence[int], env: dict[str, str]) -> NoReturn:
    status = 1
    try:
        os.environ.clear()
        os.environ.update(env)
        for number, fd in enumerate(standard):
            os.dup2(fd, number)
        open_fds = sorted({0, 1, 2, *kept, os.sysconf("SC_OPEN_MAX")})
        for before, after in pairwise(open_fds):
            os.closerange(before + 1, after)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode) for fd, mode in enumerate("rww"))
        sys.argv = list(arguments)
        runpy.run_module(arguments[0], run_name="__main__")
        status = 0
    except BaseException:  # noqa: BLE001  (nothing of ours may go on in the copy)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
