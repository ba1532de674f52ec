"""What a process that meets untrusted bytes can still do where the kernel offers a sandbox, and where it does not."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import ffmpeg
import pytest

from restyle.errors import EncodingFailed
from restyle.media import wire
from restyle.media.inputs import own_input
from restyle.media.process import run_ffmpeg
from restyle.media.sandbox import Confinement, confinement
from tests.media.recipes import X264, video
from tests.security.watchmen import canary, listener

ATTEMPTS = """
import ctypes, json, os, signal, socket, subprocess, sys, threading
from pathlib import Path
from restyle.media import sandbox, wire
from restyle.media.child import serve
offered = sandbox.confinement()
wished = json.loads(sys.argv[2])
sandbox.confinement = lambda: sandbox.Confinement(offered.landlock * wished["landlock"], wished["seccomp"])
here, port, libc = Path(wished["here"]), wished["port"], ctypes.CDLL(None, use_errno=True)
threads = len(os.listdir("/proc/self/task"))

def connect(kind):
    with socket.socket(type=kind) as one:
        one.connect(("127.0.0.1", port))
        one.send(b"x")

def said(code):
    if code < 0:
        raise OSError(ctypes.get_errno(), "refused")

attempts = {
    "read a file": lambda: (here / "canary").read_bytes(),
    "list a folder": lambda: os.listdir(here),
    "write a file": lambda: (here / "new").write_text("x"),
    "change a file": lambda: (here / "canary").write_text("x"),
    "read /proc": lambda: Path("/proc/self/environ").read_bytes(),
    "remove a file": lambda: said(libc.unlinkat(-100, bytes(here / "canary"), 0)),
    "call by tcp": lambda: connect(socket.SOCK_STREAM),
    "call by udp": lambda: connect(socket.SOCK_DGRAM),
    "open a pair of sockets": socket.socketpair,
    "start a program": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "start another way": lambda: subprocess.run(["/bin/true"], check=True),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "trace its parent": lambda: said(libc.ptrace(0x4206, os.getppid(), 0, 0)),
    "make a ring": lambda: said(libc.syscall(425, 1, bytes(120))),
    "a call of the other numbering": lambda: said(libc.syscall(0x40000000 + 41, 2, 1, 0)),
    "dump core": lambda: said(0 if __import__("resource").getrlimit(4)[0] else -1),
}

def answer(video, detail, commands, output):
    with video() as file:
        found = {"threads before": threads, "reads the video": file.read(4).decode()}
    started = threading.Thread(target=lambda: found.update({"starts threads": True}))
    started.start()
    started.join()
    for name, attempt in attempts.items():
        try:
            attempt()
            found[name] = "done"
        except OSError as error:
            found[name] = type(error).__name__
    output.send(wire.RESULT, wire.to_json(found))

serve(answer)
"""
REFUSED = (
    "read a file", "list a folder", "write a file", "change a file", "remove a file", "read /proc",
    "start a program", "start another way",
)  # fmt: skip
REFUSED_BY_SECCOMP = (
    "call by tcp", "call by udp", "open a pair of sockets", "signal its parent",
    "trace its parent", "make a ring", "a call of the other numbering",
)  # fmt: skip


def attempted(folder: Path, port: int, *, landlock: bool, seccomp: bool) -> dict[str, Any]:  # what JSON holds
    """What a real decoder process that turned hostile could do."""
    (folder / "canary").write_text("secret")
    wished = json.dumps({"landlock": landlock, "seccomp": seccomp, "here": str(folder), "port": port})
    clip = folder / "clip"
    clip.write_text("clip")
    with clip.open() as file, subprocess.Popen(
        [sys.executable, "-c", ATTEMPTS, str(file.fileno()), wished],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(file.fileno(),), env={"OMP_NUM_THREADS": "1"},
    ) as child:  # fmt: skip
        assert child.stdout
        assert child.stdin
        header = wire.unpack(child.stdout.read(wire.HEADER.size))
        answer: dict[str, Any] = json.loads(child.stdout.read(header.size))
        child.stdin.close()
    assert header.kind == wire.RESULT, answer
    assert answer["threads before"] == 1, "the sandbox holds the thread that enters it, and those it starts"
    assert answer["reads the video"] == "clip"
    assert answer["starts threads"]
    return answer


def test_this_machine_offers_what_these_tests_are_about() -> None:
    assert confinement().landlock >= 1
    assert confinement().seccomp


@pytest.mark.parametrize(("landlock", "seccomp"), [(True, True), (False, True), (True, False)])
def test_a_decoder_turned_hostile_reaches_no_file_no_host_and_no_program(
    tmp_path: Path, landlock: bool, seccomp: bool
) -> None:
    with listener() as heard:
        answer = attempted(tmp_path, heard.port, landlock=landlock, seccomp=seccomp)
    refused = [*REFUSED, *(REFUSED_BY_SECCOMP if seccomp else ())]
    assert [name for name in refused if answer[name] == "done"] == []
    assert heard.calls == [] or not seccomp
    assert (tmp_path / "canary").read_text() == "secret"
    assert not (tmp_path / "new").exists()


def test_without_a_sandbox_the_same_attempts_succeed(tmp_path: Path) -> None:
    """So what the test above sees refused is refused by the sandbox."""
    with listener() as heard:
        answer = attempted(tmp_path, heard.port, landlock=False, seccomp=False)
    alike = ("read a file", "list a folder", "remove a file", "start a program", "call by tcp", "call by udp")
    assert {name: answer[name] for name in alike} == dict.fromkeys(alike, "done")
    assert sorted(heard.calls) == ["tcp", "udp"]
    assert answer["dump core"] == "OSError"


def test_what_is_missing_is_logged_and_ffmpeg_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("platform.machine", lambda: "a machine of tomorrow")
    confinement.cache_clear()
    try:
        assert confinement() == Confinement(confinement().landlock, seccomp=False)
        assert "offers no more" in caplog.text
        clip = tmp_path / "clip.mkv"
        video(*X264, frames=2)(clip)
        run_ffmpeg(own_input(clip).output(f"file:{tmp_path / 'out.mkv'}", c="copy"), tmp_path / "out.mkv", task="t")
        assert (tmp_path / "out.mkv").stat().st_size
    finally:
        confinement.cache_clear()


@pytest.mark.parametrize("confined", [True, False])
def test_ffmpeg_opens_the_files_it_was_named_and_calls_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confined: bool
) -> None:
    """Even where its own white lists are left out: here it is told to follow whatever a script names."""
    if not confined:
        monkeypatch.setattr("restyle.media.sandbox._enter", lambda *_: None)
    secret, target = tmp_path / "secret.mkv", tmp_path / "out.mkv"
    video(*X264, frames=2)(secret)
    script = tmp_path / "list.ffconcat"
    script.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with canary(secret) as seen, listener() as heard:
        for source in (
            ffmpeg.input(f"file:{script}", format="concat", safe=0),
            ffmpeg.input(f"tcp://127.0.0.1:{heard.port}"),
        ):
            try:
                run_ffmpeg(source.output(f"file:{target}", c="copy"), target, task="following")
            except EncodingFailed as error:
                assert "not permitted" in str(error) or "denied" in str(error) or not confined
        assert (seen.opened() > 0) is not confined
        assert (heard.calls != []) is not confined
    assert target.exists() is not confined
