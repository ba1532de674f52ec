"""What goes between a run and its workers: no secret with a task, and TLS where a team wishes it."""

from pathlib import Path
from typing import Any

from prefect.context import SettingsContext, serialize_context
from pydantic import Secret, SecretStr

from restyle.errors import BadSetting

TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


def context_without_secrets(**options: Any) -> dict[str, Any]:  # as serialize_context takes and gives them
    """What a task takes along of its run, without the API key and the passwords that Prefect would put beside it.

    A worker completes Prefect's settings from its own environment.
    """
    context: dict[str, Any] = serialize_context(**options)
    if settings := SettingsContext.get():
        kept = without_secrets(settings.serialize(include_secrets=False)["settings"])
        # A profile may hold secrets as plain words.
        context["settings_context"] = {"profile": {"name": settings.profile.name, "settings": {}}, "settings": kept}
    return context


def without_secrets(value: Any) -> Any:  # settings within settings
    """The settings less those that are secret."""
    if not isinstance(value, dict):
        return value
    return {name: without_secrets(one) for name, one in value.items() if not isinstance(one, Secret | SecretStr)}


def tls_of_dask(folder: Path) -> dict[str, Any]:  # as dask.config takes them
    """Dask's settings for TLS with the certificate of this folder, on every connection. Raises BadSetting.

    Who has a key that the authority in ca.pem signed is let in, as worker, client or scheduler, and nobody else.
    """
    authority, certificate, key = (str(folder / name) for name in TLS_FILES)
    if missing := [name for name in TLS_FILES if not (folder / name).is_file()]:
        raise BadSetting(f"RESTYLE_DASK_TLS: {folder} has no {' and no '.join(missing)}; put them there, or unset it")
    named = {"ca-file": authority}
    for role in ("scheduler", "worker", "client"):
        named |= {f"{role}.cert": certificate, f"{role}.key": key}
    tls = {f"distributed.comm.tls.{name}": path for name, path in named.items()}
    return {"distributed.comm.require-encryption": True, **tls}
