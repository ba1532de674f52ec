"""Child processes that never outlive us: tied to this process where the system can, ended on every way out."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable

GRACE_S = 10.0


def with_parent() -> Callable[[], None] | None:
    """A preexec function after which a kill -9 of the starting thread's process ends the child too (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    pr_set_pdeathsig = 1
    return lambda: libc.prctl(pr_set_pdeathsig, signal.SIGKILL)


def end(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """Ask a process to stop, kill it after grace_s seconds, and reap it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
