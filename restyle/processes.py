"""Child processes that never outlive us: tied to this process where the system can, ended on every way out."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

GRACE_S = 10.0
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def with_parent() -> Callable[[], None] | None:
    """A preexec function after which a kill -9 of this process ends the child too (Linux).

    The kernel means the thread that starts the child: one that ends before the process does would take the child along.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def ask_kernel() -> None:  # between fork and exec: system calls only, no locks
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask_kernel


def end(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """Ask a process to stop, kill it after grace_s seconds, and reap it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
