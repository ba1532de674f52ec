"""Reads the Terraform files of deployments/azure and judges them by the schemas of their providers."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import hcl2

from tests.deployments.reading import AZURE

SCHEMA = AZURE / "provider-schema.json"
# What Terraform itself takes in every resource.
_META = {"count", "for_each", "depends_on", "provider", "lifecycle", "provisioner", "__is_block__", "__comments__"}
_PLAIN = {"string": str, "number": int | float, "bool": bool}

Kind = Literal["resource", "data", "variable", "output", "locals", "provider", "terraform"]


def parsed(kind: Kind) -> list[dict[str, Any]]:
    """Every block of a kind, of all files."""
    return [one for file in _files() for one in file.get(kind, [])]


@lru_cache
def _files() -> list[dict[str, Any]]:
    """Every file, as data; reading them takes seconds."""
    return [hcl2.loads(file.read_text()) for file in sorted(AZURE.glob("*.tf"))]


def blocks(kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Resources or data sources: type, name, body."""
    for one in parsed("resource" if kind == "resource" else "data"):
        for quoted_type, named in one.items():
            for quoted_name, body in named.items():
                yield quoted_type.strip('"'), quoted_name.strip('"'), body


def resource(address: str) -> dict[str, Any]:
    """The body of the one resource TYPE.NAME."""
    (body,) = (body for kind, name, body in blocks("resource") if f"{kind}.{name}" == address)
    return body


def named(kind: Kind) -> dict[str, dict[str, Any]]:
    """Variables or outputs, by their names."""
    return {name.strip('"'): body for one in parsed(kind) for name, body in one.items() if name != "__is_block__"}


def faults() -> list[str]:
    """Everything that the providers' schemas do not allow."""
    schema = json.loads(SCHEMA.read_text())
    found: list[str] = []
    for kind in ("resource", "data"):
        for type_, name, body in blocks(kind):
            if type_ not in schema[kind]:
                if type_ != "terraform_data":
                    found.append(f"{type_}.{name}: not in {SCHEMA.name}; run make azure-schema")
                continue
            found += _block_faults(f"{type_}.{name}", body, schema[kind][type_])
    return found


def block_faults(type_: str, body: dict[str, Any]) -> list[str]:
    """What the schema of one type of resource does not allow in a body."""
    return list(_block_faults(type_, body, json.loads(SCHEMA.read_text())["resource"][type_]))


def _block_faults(where: str, body: dict[str, Any], fields: dict[str, Any]) -> Iterator[str]:
    """What is unknown, missing or of the wrong type in a block, and in the blocks inside."""
    inside = _with_dynamic(body)
    for name in sorted(inside.keys() - fields.keys() - _META):
        yield f"{where}: no argument {name}"
    for name, field in fields.items():
        if name not in inside:
            if field["required"]:
                yield f"{where}: {name} is required"
            continue
        yield from _value_faults(f"{where}.{name}", inside[name], field)


def _with_dynamic(body: dict[str, Any]) -> dict[str, Any]:
    """The body with its dynamic blocks as the blocks that they make."""
    inside = {name: value for name, value in body.items() if name != "dynamic"}
    for one in body.get("dynamic", []):
        for name, made in one.items():
            if name != "__is_block__":
                inside.setdefault(name.strip('"'), []).extend(made["content"])
    return inside


def _value_faults(where: str, value: object, field: dict[str, Any]) -> Iterator[str]:
    is_block = isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "__is_block__" in value[0]
    if field["type"] == "block":
        if not is_block:
            yield f"{where}: must be a block"
            return
        assert isinstance(value, list)
        if len(value) > 1 and not field.get("many"):
            yield f"{where}: there may be only one"
        for one in value:
            yield from _block_faults(where, one, field["fields"])
    elif is_block:
        yield f"{where}: must be an argument, not a block"
    elif not _fits(value, field["type"]):
        yield f"{where}: {value!r} is no {field['type']}"


def _fits(value: object, wished: str) -> bool:
    """Whether a literal is of the type; what is calculated is known only to Terraform."""
    if isinstance(value, str) and value.startswith("${"):
        return True
    if wished == "list":
        return isinstance(value, list)
    if wished == "map":
        return isinstance(value, dict)
    if isinstance(value, bool):
        return wished == "bool"
    return isinstance(value, _PLAIN[wished])


def references() -> Iterator[tuple[str, str]]:
    """Every variable, local, resource and data source that an expression names, with the file."""
    for file in sorted(AZURE.glob("*.tf")):
        text = re.sub(r"(?m)^\s*#.*$", "", file.read_text())
        pattern = r"(?<![\w.\"-])((?:var|local)\.\w+|(?:data\.)?(?:azurerm|random)_\w+\.\w+)"
        for reference in re.findall(pattern, text):
            yield file.name, reference
