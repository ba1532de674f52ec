"""Processes that are kept running: started again when they die, and ended with all their children, however we end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from restyle.errors import RestyleError
from restyle.processes import end, with_parent

FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 60.0
SETTLED_S = 60.0
"""One that ran so long and then died is started again at once, as if it had never died."""
LOG_BYTES = 10_000_000
TAIL_CHARACTERS = 2000


@dataclass(frozen=True)
class Service:
    """A process to keep running; its name is what people read, and its log's."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    grace_s: float = 10.0


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    delay_s: float = FIRST_DELAY_S
    due: float | None = None


class Supervisor:
    """Keeps services running between entering a `with` block and leaving it, for a caller that tends them.

    folder: where they work, with their logs below. say: takes a line for people. lock: a file descriptor that stays
    open until every process is gone, also after a kill -9 of ours.
    """

    def __init__(self, folder: Path, say: Callable[[str], None], lock: int) -> None:
        self._folder, self._say, self._lock = folder, say, lock
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "restyle.guardian"],
            stdin=subprocess.PIPE,
            cwd=self._folder,
            start_new_session=True,
            pass_fds=(self._lock,),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            self._end(child)
        self._pipe.close()
        self._guardian.wait()

    def start(self, service: Service) -> None:
        """Start a service, and keep it running from now on."""
        self._children.append(_Child(service, self._launch(service)))

    def run(self, service: Service, over: Callable[[], bool]) -> None:
        """Run a process to its end, or until `over`. Raises RestyleError, with what it said last, where it fails."""
        child = _Child(service, self._launch(service))
        try:
            while child.process.poll() is None and not over():
                self.tend()
                time.sleep(0.1)
        finally:
            self._end(child)
        if child.process.returncode and not over():
            raise RestyleError(
                f"{service.name} failed (its log is {self.log(service.name)}):\n{self.tail(service.name)}"
            )

    def tend(self) -> None:
        """Start again what has died, after a pause that grows while it keeps dying."""
        now = time.monotonic()
        for child in self._children:
            if child.due is None and child.process.poll() is not None:
                self._mourn(child, now)
            if child.due is not None and now >= child.due:
                child.process, child.started, child.due = self._launch(child.service), now, None
                self._say(f"{child.service.name}: started again (process {child.process.pid})")

    def log(self, name: str) -> Path:
        """Where a service's words go."""
        return self._folder / "logs" / f"{name}.log"

    def tail(self, name: str) -> str:
        """Its last words."""
        return self.log(name).read_text(errors="replace")[-TAIL_CHARACTERS:].strip()

    def _mourn(self, child: _Child, now: float) -> None:
        self._kill_group(child)  # its own children, which may hold its port
        if now - child.started >= SETTLED_S:
            child.delay_s = FIRST_DELAY_S
        child.due = now + child.delay_s
        log = self.log(child.service.name)
        self._say(f"{child.service.name}: {_how(child.process)}; starting it again in {child.delay_s:g} s ({log})")
        child.delay_s = min(2 * child.delay_s, LONGEST_DELAY_S)

    def _launch(self, service: Service) -> subprocess.Popen[bytes]:
        with _opened(self.log(service.name)) as log:
            process = subprocess.Popen(
                service.command,
                env=service.environment,
                cwd=self._folder,  # `python -m` looks for modules here first: a folder that has none
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, and no Ctrl-C but ours
                preexec_fn=with_parent(),  # noqa: PLW1509  (system calls only)
            )
        self._tell_guardian("guard", process)
        return process

    def _end(self, child: _Child) -> None:
        end(child.process, child.service.grace_s)
        self._kill_group(child)

    def _kill_group(self, child: _Child) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        self._tell_guardian("forget", child.process)

    def _tell_guardian(self, word: str, process: subprocess.Popen[bytes]) -> None:
        with suppress(BrokenPipeError):  # killed by someone: children still die with us, theirs may not
            self._pipe.write(f"{word} {process.pid}\n".encode())
            self._pipe.flush()

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._guardian.stdin is not None
        return self._guardian.stdin


def _opened(log: Path) -> IO[bytes]:
    """The log, to be written on; one that has grown large begins anew."""
    grown = log.exists() and log.stat().st_size > LOG_BYTES
    return log.open("wb" if grown else "ab")


def _how(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
