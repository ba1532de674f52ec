"""The command line as a user has it: real processes, a real Prefect server, folders as stores."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.server import prefect_api
from restyle.chaos.subject import Subject
from tests.media.recipes import ffmpeg
from tests.team import Team

FRAMES = 40


@dataclass
class Shell:
    """Runs restyle with a home of its own."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str | Path) -> tuple[list[str], dict[str, str]]:
        """Argument list and environment of a command."""
        environment = {**os.environ, "RESTYLE_HOME": str(self.home), "OMP_NUM_THREADS": "1", **self.environment}
        return [sys.executable, "-m", "restyle.cli", *map(str, words)], environment

    def __call__(self, *words: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run to the end; never raises for an exit code. One that hangs fails the test and shows all its threads."""
        command, environment = self.command(*words)
        environment["PYTHONFAULTHANDLER"] = "1"
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=environment, cwd=self.home, stdout=pipe, stderr=pipe, text=True)
        try:
            said, complained = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            for number in {process.pid, *Subject(self.home, 0).processes()}:  # its workers, too, say where they are
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGABRT)
            said, complained = process.communicate()
            pytest.fail(f"{' '.join(command)}: not done after {timeout} s\n{said}\n{complained}")
        return subprocess.CompletedProcess(command, process.returncode, said, complained)

    def popen(self, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start in a process group of its own, to be killed whole."""
        command, environment = self.command(*words)
        quiet = subprocess.DEVNULL
        return subprocess.Popen(
            command, env=environment, cwd=self.home, stdout=quiet, stderr=quiet, start_new_session=True
        )

    def python(self, code: str, stdin: str) -> None:
        """Run a piece of Python as a user of the same server would."""
        environment = {**os.environ, **self.environment}
        subprocess.run([sys.executable, "-c", code], env=environment, input=stdin, text=True, check=True, timeout=120)

    def stored(self, prefix: str) -> dict[str, bytes]:
        """Every file below a folder of the home, by its path there."""
        root = self.home / prefix
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for all tests of this folder that need not start their own."""
    with prefect_api(tmp_path_factory.mktemp("prefect")) as api:
        api.await_ready()
        yield api.url


@pytest.fixture(scope="session")
def one_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """One home for all tests that need `restyle up`."""
    team = Team(tmp_path_factory.mktemp("team"))
    try:
        yield team
    finally:
        if team.process and team.process.poll() is None:
            team.stop()


@pytest.fixture
def team(one_team: Team) -> Team:
    """A running `restyle up`: it starts once, and again only where a test ended it."""
    one_team.start()
    return one_team


@pytest.fixture
def shell(tmp_path: Path, server: str) -> Shell:
    """A fresh home, with the session's server."""
    return Shell(tmp_path, {"PREFECT_API_URL": server})


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames of 96x64 pixels with stereo sound."""
    target = tmp_path_factory.mktemp("clip") / "small clip.mp4"
    picture = f"testsrc2=size=96x64:rate=20:duration={FRAMES / 20}"
    sound = f"sine=frequency=440:duration={FRAMES / 20}"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-ac", "2", "-pix_fmt", "yuv420p", target)
    return target
