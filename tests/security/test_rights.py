"""Least privilege on a real Azurite: the rights of docs/security.md suffice, none is too many, and none does more."""

import logging
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from restyle.errors import AccessDenied
from restyle.storage import Store, open_store
from tests.azurite import Azurite, azurite
from tests.flows.conftest import FRAMES, Shell, clip, server, shell
from tests.security.roles import ROLES, VIDEO, prepare

__all__ = ["azurite", "clip", "server", "shell"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
WORDS = {"r": "read", "l": "list", "c": "create", "w": "write", "d": "delete"}
NOTHING = "t"  # a SAS needs some right: this one, on tags, is none that restyle uses

DEEDS: dict[str, Callable[[Store], object]] = {
    "r": lambda store: store.read(VIDEO),
    "l": lambda store: list(store.list()),
    "c": lambda store: store.create(f"new/{uuid.uuid4()}", b"x"),
    "w": lambda store: store.write(VIDEO, b"y"),
    "d": lambda store: store.delete(VIDEO),
}


class Place(NamedTuple):
    """Two containers with a job in them."""

    azurite: Azurite
    name: str
    job_id: str

    def store(self, kind: str, rights: str) -> Store:
        """One of the two by a SAS of these rights."""
        return open_store(self.azurite.container_url(f"{kind}-{self.name}", rights or NOTHING))


@pytest.fixture
def place(azurite: Azurite, tmp_path: Path) -> Place:
    name = uuid.uuid4().hex
    data, control = (open_store(azurite.connection_string(f"{kind}-{name}")) for kind in ("data", "control"))
    return Place(azurite, name, prepare(data, control, tmp_path))


def less(rights: str, right: str) -> str:
    """These rights without this one; of 'w', which takes in 'c', the smaller one stays."""
    return rights.replace("w", "c") if right == "w" else rights.replace(right, "")


@pytest.mark.parametrize("name", sorted(ROLES))
def test_the_rights_of_a_role_suffice_for_its_work(name: str, place: Place) -> None:
    role = ROLES[name]
    role.work(place.store("data", role.data), place.store("control", role.control), place.job_id)


NEEDED = [
    (name, kind, right)
    for name, role in sorted(ROLES.items())
    for kind, rights in (("data", role.data), ("control", role.control))
    for right in rights
]


@pytest.mark.parametrize(("name", "kind", "right"), NEEDED)
def test_one_right_less_fails_and_is_named(
    name: str, kind: str, right: str, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    role = ROLES[name]
    rights = {"data": role.data, "control": role.control}
    rights[kind] = less(rights[kind], right)
    with pytest.raises(AccessDenied) as refused:
        role.work(place.store("data", rights["data"]), place.store("control", rights["control"]), place.job_id)
    assert f"'{right}' ({WORDS[right]})" in str(refused.value) + caplog.text
    assert f"/{kind}-{place.name}" in str(refused.value) + caplog.text


@pytest.mark.parametrize("name", sorted(ROLES))
def test_no_role_can_do_more_than_its_rights_say(name: str, place: Place) -> None:
    role = ROLES[name]
    for kind, rights in (("data", role.data), ("control", role.control)):
        given = set(rights) | ({"c"} if "w" in rights else set())
        for right in set(DEEDS) - given:
            with pytest.raises(AccessDenied):
                DEEDS[right](place.store(kind, rights))


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_token_of_the_data_store_opens_no_other_container(name: str, place: Place) -> None:
    token = place.azurite.container_url(f"data-{place.name}", ROLES[name].data).partition("?")[2]
    control = place.azurite.container_url(f"control-{place.name}", "r").partition("?")[0]
    for deed in DEEDS.values():
        with pytest.raises(AccessDenied):
            deed(open_store(f"{control}?{token}"))


def test_the_table_of_the_document_is_what_is_tested() -> None:
    rows = re.findall(r"^\| (\w+) \|[^|]*\| `?([rlcwd]+|none)`? \| `?([rlcwd]+|none)`? \|", DOCUMENT.read_text(), re.M)
    assert {name: (data, control) for name, data, control in rows} == {
        name: (role.data or "none", role.control or "none") for name, role in ROLES.items()
    }


@pytest.mark.slow
def test_a_whole_run_needs_no_more_than_the_rights_of_run(shell: Shell, azurite: Azurite, clip: Path) -> None:
    name = uuid.uuid4().hex
    for kind in ("data", "control"):
        open_store(azurite.connection_string(f"{kind}-{name}")).write("there", b"is the container")
        spec = azurite.container_url(f"{kind}-{name}", getattr(ROLES["run"], kind))
        shell.environment[f"RESTYLE_{kind.upper()}_STORE"] = spec
    done = shell("run", clip, "--style", "starry_night", "--max-side", "48", "-o", shell.home / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} frames in" in done.stdout
    shell.environment["RESTYLE_CONTROL_STORE"] = azurite.container_url(f"control-{name}", "rld")
    denied = shell("run", clip, "--style", "wave", "--max-side", "48", "-o", shell.home / "denied.mp4")
    assert denied.returncode == 1
    assert "a SAS needs 'c' (create) or 'w' (write)" in denied.stderr
    assert not (shell.home / "denied.mp4").exists()
