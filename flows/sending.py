"""What a task takes along to its worker: its run's settings, without secrets, which a worker's process reads once.

Prefect would write them down and read them anew for every task, and make two clients of its API for each, with all the
certificates that a machine trusts: a third of a second of a worker's slow processor for what never changes.
"""

import pickle
from functools import lru_cache
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SettingsContext, SyncClientContext, serialize_context
from prefect.task_engine import run_task_sync
from pydantic import Secret, SecretStr


class _Told(SettingsContext):
    """Settings that are written down already."""

    words: bytes

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:  # noqa: ARG002  (as Prefect has it)
        """As they were written down."""
        return {"words": self.words}


_LAST: list[tuple[SettingsContext, bytes]] = []


def context_without_secrets(**options: Any) -> dict[str, Any]:  # as serialize_context takes and gives them
    """What a task takes along of its run, without the API key and the passwords that Prefect would put beside it.

    A worker completes Prefect's settings from its own environment; it runs the task by way of `run_task`.
    """
    settings = SettingsContext.get()
    if settings is None:
        return serialize_context(**options)
    with _Told(profile=settings.profile, settings=settings.settings, words=_words(settings)):
        return serialize_context(**options)


def run_task(context: dict[str, Any], **options: Any) -> Any:  # as run_task_sync takes and gives them
    """Run a task on a worker, with what it took along of its run."""
    told = context["settings_context"]
    if not told:
        return run_task_sync(context=context, **options)
    settings, client = read_words(told["words"])
    with settings.model_copy(), SyncClientContext.model_construct(client=client):
        return run_task_sync(context=context | {"settings_context": {}}, **options)


def _words(settings: SettingsContext) -> bytes:
    """The settings as a task takes them along; they never change, a changed one is another."""
    for known, words in _LAST:
        if known is settings:
            return words
    kept = without_secrets(settings.serialize(include_secrets=False)["settings"])
    # A profile may hold secrets as plain words.
    words = pickle.dumps({"profile": {"name": settings.profile.name, "settings": {}}, "settings": kept})
    _LAST[:] = [(settings, words)]
    return words


@lru_cache(maxsize=8)  # runs of so many servers share a worker
def read_words(words: bytes) -> tuple[SettingsContext, SyncPrefectClient]:
    """The settings that a task took along, and a client of the API that they name, which stays open."""
    settings = SettingsContext(**pickle.loads(words))  # noqa: S301  (it came with a task, which is code)
    with settings.model_copy():
        client = get_client(sync_client=True)
    return settings, client.__enter__()


def without_secrets(value: Any) -> Any:  # settings within settings
    """The settings less those that are secret."""
    if not isinstance(value, dict):
        return value
    return {name: without_secrets(one) for name, one in value.items() if not isinstance(one, Secret | SecretStr)}
