"""What is tried: `restyle up` on Azurite behind a proxy that spoils answers, with a clip to paint again and again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np

from flows.server import free_port
from restyle import azurite
from restyle.chaos.proxy import FaultyProxy, faulty_proxy
from restyle.chaos.rotation import CONTAINERS, block, rotating
from restyle.chaos.subject import Subject, await_that
from restyle.domain import ColorTags, VideoInfo
from restyle.images import Pixels
from restyle.layout import INBOX, JOBS
from restyle.media.encode import encode_segment
from restyle.media.options import OutputOptions
from restyle.processes import end, with_parent
from restyle.storage import Store, open_store
from restyle.storage.open import with_container

WORKERS = 2
FRAMES, WIDTH, HEIGHT = 96, 160, 96
STYLE = "starry_night"
FLOW = "stylize-video"
STORE_READY_S = 60.0
SETTLED_S = 600.0
OVER = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass
class Blobs:
    """Azurite at a fixed port, which can be stopped and started again."""

    folder: Path
    main: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        command = azurite.command(self.main, self.folder / "data", port=self.port)
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=quiet, stderr=quiet, preexec_fn=with_parent())  # noqa: PLW1509
        store = open_store(with_container(azurite.connection_string(self.url), "data"))
        await_that(lambda: _answers(store), STORE_READY_S)

    def stop(self) -> None:
        """Ask it to end: it writes down what it acknowledged."""
        if self.process:
            end(self.process)


@dataclass
class World:
    """Everything that is broken on purpose, and what it is asked."""

    subject: Subject
    blobs: Blobs
    proxy: FaultyProxy
    clip: bytes

    @property
    def data(self) -> Store:
        """The data store, past the proxy: as we look at it, nothing is spoilt."""
        return open_store(with_container(azurite.connection_string(self.blobs.url), "data"))

    @property
    def control(self) -> Store:
        """The control store, past the proxy."""
        return open_store(with_container(azurite.connection_string(self.blobs.url), "control"))

    def drop(self, name: str) -> None:
        """Put the clip where the sensor looks, as a video of its own: a job by its ETag."""
        self.data.write(f"{INBOX}{STYLE}/{name}", self.clip)

    def runs(self, names: list[str]) -> list[dict[str, Any]]:
        """The runs that paint these drops; none while the server is away."""
        with suppress(OSError, URLError, ValueError):
            found = self.subject.runs(FLOW)
            return [run for run in found if run["name"].partition(" in ")[0] in names]
        return []

    def settled(self, names: list[str]) -> list[dict[str, Any]]:
        """The runs of these drops, once there is one of each and all are over. Raises TimeoutError."""

        def over() -> bool:
            found = self.runs(names)
            return len(found) >= len(names) and all(run["state_type"] in OVER for run in found)

        await_that(over, SETTLED_S)
        return self.runs(names)

    def job(self, name: str) -> str:
        """The id of the job that paints a drop."""
        wanted = f"/{name}".encode()
        jobs = (blob.key for blob in self.control.list(JOBS) if blob.key.endswith("/job.json"))
        return next(key.split("/")[1] for key in jobs if wanted in self.control.read(key))


@contextmanager
def world(home: Path, main: Path) -> Iterator[World]:
    """All of it, running; below `home`. main: of Azurite. Whatever happens, nothing is left running."""
    with ExitStack() as stack:
        blobs = Blobs(home / "azurite", main)
        blobs.start()
        stack.callback(blobs.stop)
        proxy = stack.enter_context(faulty_proxy(blobs.url))
        (home / "restyle").mkdir(exist_ok=True)
        for store in CONTAINERS:  # a signature of a container's can write to it, and not make it
            open_store(with_container(azurite.connection_string(blobs.url), store)).write("made", b"")
        environment = {f"RESTYLE_{name.upper()}_STORE": f"block:{block(name)}" for name in CONTAINERS}
        options = ("--workers", str(WORKERS), "--every", "1")
        subject = Subject(home / "restyle", free_port(), options, environment)
        stack.callback(_end, subject)
        subject.start()  # its sensor fails until the blocks are there, and is started again
        stack.enter_context(rotating(subject.url, f"http://127.0.0.1:{proxy.port}/{azurite.ACCOUNT}"))
        yield World(subject, blobs, proxy, _clip(home))


def _end(subject: Subject) -> None:
    if subject.process and subject.process.poll() is None:
        subject.stop(signal.SIGTERM)
    for number in subject.processes():
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _answers(store: Store) -> bool:
    try:
        list(store.list("nothing/"))
    except Exception:  # noqa: BLE001  (whatever it is, it is not ready)
        time.sleep(0.2)
        return False
    return True


def _clip(folder: Path) -> bytes:
    """A few seconds of a moving pattern."""
    tags = ColorTags(matrix="bt709", primaries="bt709", transfer="bt709")
    info = VideoInfo(
        width=WIDTH, height=HEIGHT, sample_aspect=Fraction(1), rotation_deg=0, codec="h264", container="matroska",
        color=tags, time_base=Fraction(1, 24), pts=tuple(range(FRAMES)), last_duration=1,
    )  # fmt: skip
    target = folder / "clip.mkv"
    encode_segment(map(_picture, range(FRAMES)), (WIDTH, HEIGHT), info, OutputOptions(), target)
    return target.read_bytes()


def _picture(number: int) -> Pixels:
    across, down = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    waves = [np.sin((across + 2 * number) / 17) + np.cos((down - number) / (11 + k)) for k in range(3)]
    return np.stack([127.5 + 60 * wave for wave in waves], axis=2).astype(np.uint8)
