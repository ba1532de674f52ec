"""Takes what the Terraform files use of their providers' schemas out of published packages: `make azure-schema`.

No Terraform runs here. The packages `cdktn-provider-*` are generated from the schemas that the providers themselves
publish; what they say of our resources is kept in deployments/azure/provider-schema.json, for tests to judge by.
"""

import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tests.deployments.terraform import SCHEMA, blocks

PACKAGES = {"azurerm": "cdktn-provider-azurerm", "local": "cdktn-provider-local", "random": "cdktn-provider-random"}
_DOCUMENTED = re.compile(r"/providers/hashicorp/\w+/([\d.]+)/docs/(resources|data-sources)/(\w+)#(\w+) ")
_META = {"connection", "count", "dependsOn", "forEach", "lifecycle", "provider", "provisioners"}


def main() -> None:
    """Write the schema of every resource and data source of the Terraform files."""
    schema: dict[str, Any] = {"versions": {}, "resource": {}, "data": {}}
    for provider, package in PACKAGES.items():
        types = _published(package)
        for kind in ("resource", "data"):
            for name in sorted({name for name, _, _ in blocks(kind) if name.startswith(f"{provider}_")}):
                config = types[_config(types, provider, kind, name)]
                schema[kind][name] = _fields(types, config)
                schema["versions"][provider] = _documented(config)[1]
    SCHEMA.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")


def _published(package: str) -> dict[str, Any]:
    """Every type of a package, by its full name."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, package]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (inner,) = (name for name in archive.namelist() if name.endswith(".jsii.tgz"))
            with tarfile.open(fileobj=io.BytesIO(archive.read(inner))) as tar:
                assembly = tar.extractfile("package/.jsii")
                assert assembly
                types: dict[str, Any] = json.load(assembly)["types"]
                return types


def _config(types: dict[str, Any], provider: str, kind: str, name: str) -> str:
    """The type of the arguments of a resource, found by the page that documents it."""
    page = ("resources" if kind == "resource" else "data-sources", name.removeprefix(f"{provider}_"))
    arguments = (
        (key, one) for key, one in types.items() if "cdktn.TerraformMetaArguments" in one.get("interfaces", [])
    )
    (found,) = (key for key, one in arguments if _documented(one)[0] == page)
    return found


def _documented(one: dict[str, Any]) -> tuple[tuple[str, str], str]:
    """The page (kind, name) and the version of the provider that the first documented argument points to."""
    for field in one.get("properties", []):
        if found := _DOCUMENTED.search(json.dumps(field.get("docs", {}))):
            return (found[2], found[3]), found[1]
    return ("", ""), ""


def _fields(types: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """What a block takes: type, whether it is required, and for blocks their own fields."""
    return {
        _snake(field): {"required": not field.get("optional", False), **_type(types, field["type"])}
        for field in one.get("properties", [])
        if field["name"] not in _META
    }


def _snake(field: dict[str, Any]) -> str:
    found = _DOCUMENTED.search(json.dumps(field.get("docs", {})))
    return found[4] if found else re.sub(r"(?<!^)(?=[A-Z])", "_", str(field["name"])).lower()


def _type(types: dict[str, Any], stated: dict[str, Any]) -> dict[str, Any]:
    """A primitive, a list or map of them, or a block; `many` where a block may be there more than once."""
    if "union" in stated:
        own = [one for one in stated["union"]["types"] if one.get("fqn") != "cdktn.IResolvable"]
        # A bool may also be a value known later; a list of blocks likewise.
        return _type(types, own[0])
    if "collection" in stated:
        inner = _type(types, stated["collection"]["elementtype"])
        if inner["type"] == "block":
            return {**inner, "many": True}
        return {"type": "map" if stated["collection"]["kind"] == "map" else "list"}
    if "fqn" in stated:
        return {"type": "block", "fields": _fields(types, types[stated["fqn"]])}
    return {"type": {"boolean": "bool"}.get(stated["primitive"], stated["primitive"])}


if __name__ == "__main__":
    main()
