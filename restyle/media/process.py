"""Owning an ffmpeg process: started from an argument list, watched, and reaped on every way out."""

import contextlib
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

import ffmpeg
import imageio_ffmpeg

from restyle.errors import DiskFull, EncodingFailed
from restyle.media.decoder_process import open_video
from restyle.media.inputs import Spec
from restyle.media.limits import CHILD_MEMORY_BYTES, STDERR_TAIL_BYTES
from restyle.media.sandbox import confined, limit
from restyle.processes import with_parent

CODER_STALL_S = 600.0  # slow presets on slow machines may be silent for minutes, a hung process is silent for ever

# All that ffmpeg sees of our environment: no credentials, and no FFREPORT that would make it write files.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_DISK_FULL = ("No space left on device", "Disk quota exceeded")


class Ffmpeg:
    """One run of ffmpeg, for use in a `with` block: fed with write(), ended with finish(), killed if left before.

    spec: an ffmpeg-python output; target: the local file it writes, which is watched for progress.
    source: a file opened here and inherited as standard input, for untrusted_input(); without it standard input is a
    pipe for write(). A process that makes no progress for stall_s seconds while it is waited for is killed. gpu: it
    reaches a GPU, and with it whatever the driver opens: it is not confined, and so reads our own frames alone.
    """

    def __init__(
        self,
        spec: Spec,
        target: Path,
        *,
        task: str,
        source: Path | None = None,
        stall_s: float = CODER_STALL_S,
        gpu: bool = False,
    ) -> None:
        assert not (gpu and source), "untrusted bytes are confined"
        self._arguments: list[str] = ffmpeg.compile(
            spec.global_args("-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning"),
            cmd=imageio_ffmpeg.get_ffmpeg_exe(),
            overwrite_output=True,
        )
        self._target = target
        self._task = task
        self._source_path = source
        self._stall_s = stall_s
        self._gpu = gpu
        self._source: BufferedReader | None = None
        self._written = 0
        self._waited_for = False
        self._stalled = False
        self._made = False
        self._over = threading.Event()
        self._tail = bytearray()

    def __enter__(self) -> Self:
        if self._source_path is not None:
            self._source = os.fdopen(open_video(self._source_path), "rb")
        try:
            with self._confined() as prepare:
                self._process = subprocess.Popen(
                    self._arguments,
                    stdin=self._source or subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"SVT_LOG": "1"},
                    preexec_fn=prepare,  # noqa: PLW1509  (system calls only)
                )
        except OSError as error:
            self._leave()
            raise EncodingFailed(f"{self._arguments[0]} does not start ({error}); set IMAGEIO_FFMPEG_EXE") from error
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._drain, self._watch)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        for thread in self._threads:
            thread.join()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._leave()

    @contextmanager
    def _confined(self) -> Iterator[Callable[[], None]]:
        """What the new process does before it becomes ffmpeg; from then on it reaches the files it was named alone."""
        tie, untrusted, gpu = with_parent(), self._source is not None, self._gpu
        named = zip(self._arguments, self._arguments[1:], strict=False)
        inputs = [Path(value.removeprefix("file:")) for option, value in named if option == "-i"]
        with contextlib.suppress(OSError):  # no such folder, say, which ffmpeg complains of in its own words
            self._target.touch(exist_ok=False)  # a file can be named to the kernel once it is there
            self._made = True
        with confined(
            [path for path in inputs if path.is_file()], [self._target], _programs(self._arguments[0])
        ) as enter:

            def prepare() -> None:
                if tie:
                    tie()
                limit(resource.RLIMIT_CORE, 0)
                if untrusted:
                    limit(resource.RLIMIT_DATA, CHILD_MEMORY_BYTES)
                if not gpu:
                    enter()

            yield prepare

    def write(self, data: bytes | memoryview) -> None:
        """Feed ffmpeg's standard input. Raises EncodingFailed or DiskFull when ffmpeg has given up."""
        pipe = self._process.stdin
        assert pipe is not None, "a process that reads a source takes no data"
        view = memoryview(data)
        self._waited_for = True
        try:
            while view:
                count = pipe.write(view)
                self._written += count or 0
                view = view[count:]
        except OSError as error:
            self._process.wait()
            raise self._failure() from error
        finally:
            self._waited_for = False

    def finish(self) -> None:
        """Wait for ffmpeg to end. Raises EncodingFailed or DiskFull unless it succeeded."""
        self._waited_for = True
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it ended already; its exit code tells
                self._process.stdin.close()
        self._process.wait()
        self._over.set()
        if self._process.returncode:
            raise self._failure()

    @property
    def pid(self) -> int:
        """The process's id, once it was started."""
        return self._process.pid

    @property
    def said(self) -> str:
        """The tail of what ffmpeg has written to its standard error, on one line."""
        lines = bytes(self._tail).decode(errors="replace").splitlines()
        printable = ("".join(c if c.isprintable() else "?" for c in line.strip()) for line in lines)
        return " | ".join(filter(None, printable))

    def _failure(self) -> EncodingFailed | DiskFull:
        self._threads[0].join(timeout=5)  # until the last words are read
        if any(words in self.said for words in _DISK_FULL):
            return DiskFull(
                f"{self._task}: the disk with {self._target.parent} is full; free space there and run the same command "
                "again, finished batches are kept"
            )
        if self._stalled:
            return EncodingFailed(f"{self._task}: ffmpeg made no progress for {self._stall_s:.0f} s: {self.said}")
        return EncodingFailed(f"{self._task}: ffmpeg failed with exit code {self._process.returncode}: {self.said}")

    def _drain(self) -> None:
        assert self._process.stderr is not None
        while chunk := self._process.stderr.read(65536):
            self._tail += chunk
            del self._tail[:-STDERR_TAIL_BYTES]

    def _watch(self) -> None:
        seen, since = self._progress(), time.monotonic()
        while not self._over.wait(1.0):
            now = self._progress()
            if now != seen or not self._waited_for:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > self._stall_s:
                self._stalled = True
                self._process.kill()
                return

    def _progress(self) -> tuple[int, int, int, int]:
        """What changes while ffmpeg works: bytes taken from the pipe or the shared file, size and age of the target."""
        offset = os.lseek(self._source.fileno(), 0, os.SEEK_CUR) if self._source else 0
        try:
            stat = self._target.stat()
        except OSError:
            return self._written, offset, 0, 0
        return self._written, offset, stat.st_size, stat.st_mtime_ns

    def _leave(self) -> None:
        """Close the source, and take back a target that nothing was written to."""
        if self._source is not None:
            self._source.close()
        if self._made and self._target.exists() and not self._target.stat().st_size:
            self._target.unlink()


def _programs(ffmpeg_exe: str) -> list[Path]:
    """The program itself, wherever it lies."""
    found = shutil.which(ffmpeg_exe)
    return [Path(found)] if found else []


def run_ffmpeg(
    spec: Spec, target: Path, *, task: str, source: Path | None = None, stall_s: float = CODER_STALL_S
) -> str:
    """Run ffmpeg to its end; returns the tail of its warnings. Raises EncodingFailed or DiskFull."""
    with Ffmpeg(spec, target, task=task, source=source, stall_s=stall_s) as process:
        process.finish()
        return process.said
