"""`restyle upload` and `restyle download` as a user has them: lines, exit codes, and going on after an interruption."""

import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from restyle.chaos.proxy import Fault, faulty_proxy
from restyle.storage import open_store
from restyle.storage.pieces import PIECE_BYTES
from tests.azurite import Azurite, azurite
from tests.flows.conftest import Shell
from tests.storage.conftest import container

__all__ = ["azurite", "container"]

COUNT = 8


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh home, and no server: these commands need none."""
    return Shell(tmp_path)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    file = tmp_path / "my film.mov"
    file.write_bytes(random.Random(1).randbytes(COUNT * PIECE_BYTES))
    return file


def test_files_go_to_videos_and_come_back_under_the_words_that_were_printed(shell: Shell, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    sent = shell("upload", "a.mp4", "b.mp4")
    assert (sent.returncode, sent.stdout) == (0, "data:videos/a.mp4\ndata:videos/b.mp4\n"), sent.stderr
    (tmp_path / "back").mkdir()
    came = shell("download", *sent.stdout.split(), "-o", "back")
    assert (came.returncode, came.stdout) == (0, f"{tmp_path}/back/a.mp4\n{tmp_path}/back/b.mp4\n"), came.stderr
    assert (tmp_path / "back/b.mp4").read_bytes() == b"b.mp4"
    again = shell("upload", "a.mp4")
    assert (again.returncode, again.stdout) == (0, "data:videos/a.mp4\n")
    assert "is there already" in again.stderr


def test_prefixes_keys_folders_and_files_can_be_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a")
    assert shell("upload", "a.mp4", "--to", "inbox/wave/").stdout == "data:inbox/wave/a.mp4\n"
    assert shell("upload", "a.mp4", "--to", "data:own/name.mp4").stdout == "data:own/name.mp4\n"
    assert shell("download", "own/name.mp4").stdout == f"{tmp_path}/name.mp4\n"
    assert shell("download", "own/name.mp4", "-o", "other.mp4").stdout == f"{tmp_path}/other.mp4\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("upload", "none.mp4"), "none.mp4: no such file"),
        (("upload", "folder"), "folder: no file"),
        (("upload", "a.mp4", "--to", "../outside/"), "cannot be or end with '.'"),
        (("upload", "a.mp4", "--to", "/etc/"), "drop the leading '/'"),
        (("upload", "a.mp4", "b.mp4", "--to", "one.mp4"), "end a prefix in '/'"),
        (("upload", "a.mp4", "folder/a.mp4"), "2 files would have this name"),
        (("upload", "b.mp4", "--to", "videos/a.mp4"), "never replaces"),
        (("download", "videos/none.mp4"), "no such blob"),
        (("download", "../outside"), "cannot be or end with '.'"),
        (("download", "videos/a.mp4", "-o", "none/a.mp4"), "cannot be written"),
        (("download", "videos/a.mp4", "other/a.mp4", "-o", "folder"), "2 files would have this name"),
        (("download", "videos/a.mp4", "videos/b.mp4", "-o", "new.mp4"), "name a folder that exists"),
    ],
)
def test_what_is_wrong_is_said_before_anything_moves(
    words: tuple[str, ...], said: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a.mp4", "b.mp4", "folder/a.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    shell("upload", "a.mp4")
    before = shell.stored("data")
    refused = shell(*words)
    assert refused.returncode == 2, refused.stderr
    assert said in refused.stderr
    assert "To go on" not in refused.stderr
    assert shell.stored("data") == before


def test_a_file_that_may_not_grow_fails_the_download_and_the_same_command_goes_on(
    shell: Shell, film: Path, tmp_path: Path
) -> None:
    assert shell("upload", film).returncode == 0
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({3 * PIECE_BYTES}, {3 * PIECE_BYTES}))"
    command, environment = shell.command("download", "videos/my film.mov", "-o", tmp_path / "back.mov")
    code = f"{limit}; import signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from restyle.cli import main; "
    code += f"sys.exit(main({command[3:]!r}))"
    full = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert full.returncode == 1, full.stderr
    assert f"{tmp_path}/back.mov" in full.stderr
    assert "What is downloaded is kept" in full.stderr
    assert not (tmp_path / "back.mov").exists()
    freed = shell("download", "videos/my film.mov", "-o", tmp_path / "back.mov")
    assert freed.returncode == 0, freed.stderr
    assert (tmp_path / "back.mov").read_bytes() == film.read_bytes()


@pytest.mark.slow
def test_a_transfer_that_the_network_interrupted_moves_the_rest_alone(
    shell: Shell, film: Path, azurite: Azurite, container: str, tmp_path: Path
) -> None:
    direct = azurite.container_url(container, "rwl")
    open_store(azurite.connection_string(container)).write("there", b"is the container")
    with faulty_proxy(azurite.url) as proxy:
        shell.environment["RESTYLE_DATA_STORE"] = proxy.through(direct)

        def broken_after(count: int, method: str, words: str) -> None:
            seen: Counter[str] = Counter()

            def choose(this: str, path: str) -> Fault:
                if this != method or not re.search(words, path):
                    return "none"
                seen[this] += 1
                return "none" if seen[this] <= count else "503"

            proxy.choose = choose

        def passed(method: str, words: str) -> int:
            found = [f for m, p, f in proxy.requests if m == method and re.search(words, p) and f == "none"]
            proxy.requests.clear()
            return len(found)

        broken_after(3, "PUT", r"comp=block(&|$)")
        failed = shell("upload", film)
        assert failed.returncode == 1, failed.stderr
        assert "What is uploaded is kept. To go on: restyle upload" in failed.stderr
        assert passed("PUT", r"comp=block(&|$)") == 3
        assert [blob.key for blob in open_store(direct).list()] == ["there"]
        broken_after(10_000, "PUT", "comp=block")
        assert shell("upload", film).stdout == "data:videos/my film.mov\n"
        assert passed("PUT", r"comp=block(&|$)") == COUNT - 3
        assert open_store(direct).read("videos/my film.mov") == film.read_bytes()

        # Ranges are of 4 MiB, two a piece: of any 12 that came, no more than 8 are of pieces that came by half.
        broken_after(12, "GET", "my%20film")
        failed = shell("download", "videos/my film.mov", "-o", "back.mov")
        assert failed.returncode == 1, failed.stderr
        assert "What is downloaded is kept" in failed.stderr
        assert passed("GET", "my%20film") == 12
        assert not (tmp_path / "back.mov").exists()
        broken_after(10_000, "GET", "my%20film")
        assert shell("download", "videos/my film.mov", "-o", "back.mov").returncode == 0
        assert 2 * 2 <= passed("GET", "my%20film") <= 2 * (COUNT - 2)
        assert (tmp_path / "back.mov").read_bytes() == film.read_bytes()


@pytest.mark.parametrize(("rights", "size"), [("c", 1000), ("w", 2 * PIECE_BYTES)])
def test_the_rights_that_the_document_names_suffice_and_nothing_is_replaced(
    rights: str, size: int, shell: Shell, azurite: Azurite, container: str, tmp_path: Path
) -> None:
    everything = open_store(azurite.connection_string(container))
    everything.write("there", b"is the container")
    (tmp_path / "clip.mov").write_bytes(b"x" * size)
    shell.environment["RESTYLE_DATA_STORE"] = azurite.container_url(container, rights)
    sent = shell("upload", "clip.mov")
    assert sent.returncode == 0, sent.stderr
    assert everything.stat("videos/clip.mov").size_bytes == size
    twice = shell("upload", "clip.mov", "--to", "there")
    assert twice.returncode == 1, twice.stderr
    assert everything.read("there") == b"is the container"


@pytest.mark.parametrize(
    ("rights", "words", "missing"),
    [
        ("w", ("download", "there", "-o", "back"), "'r' (read)"),
        ("r", ("upload", "small", "--to", "new/"), "'c' (create)"),
        ("rc", ("upload", "my film.mov", "--to", "new/"), "'w' (write)"),
    ],
)
def test_a_right_that_is_missing_is_named(
    rights: str, words: tuple[str, ...], missing: str, shell: Shell, film: Path, azurite: Azurite, container: str
) -> None:
    open_store(azurite.connection_string(container)).write("there", b"is the container")
    film.with_name("small").write_bytes(b"small")
    shell.environment["RESTYLE_DATA_STORE"] = azurite.container_url(container, rights)
    refused = shell(*words)
    assert refused.returncode == 1, refused.stderr
    assert f"a SAS needs {missing}" in refused.stderr
