"""What goes between a run and its workers: no secret with a task, and TLS where a team wishes it."""

from pathlib import Path
from typing import Any

from prefect.context import SettingsContext, serialize_context
from pydantic import Secret, SecretStr

from restyle.errors import BadSetting

TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


class _Told(SettingsContext):
    """Settings written down once: Prefect would do it anew for every task, which takes most of submitting one."""

    words: dict[str, Any]

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:  # noqa: ARG002  (as Prefect has it)
        """As they were written down."""
        return self.words


_LAST: list[tuple[SettingsContext, dict[str, Any]]] = []


def context_without_secrets(**options: Any) -> dict[str, Any]:  # as serialize_context takes and gives them
    """What a task takes along of its run, without the API key and the passwords that Prefect would put beside it.

    A worker completes Prefect's settings from its own environment.
    """
    settings = SettingsContext.get()
    if settings is None:
        return serialize_context(**options)
    with _Told(profile=settings.profile, settings=settings.settings, words=_words(settings)):
        return serialize_context(**options)


def _words(settings: SettingsContext) -> dict[str, Any]:
    """The settings as a task takes them along; they never change, a changed one is another."""
    for known, words in _LAST:
        if known is settings:
            return words
    kept = without_secrets(settings.serialize(include_secrets=False)["settings"])
    # A profile may hold secrets as plain words.
    words = {"profile": {"name": settings.profile.name, "settings": {}}, "settings": kept}
    _LAST[:] = [(settings, words)]
    return words


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
