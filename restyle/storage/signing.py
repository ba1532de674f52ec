"""Shared access signatures of an account whose key is at hand: the emulator's, whose key is no secret."""

from datetime import UTC, datetime, timedelta

from azure.storage.blob import ContainerSasPermissions, generate_container_sas


def container_sas(account: str, key: str, container: str, rights: str, lifetime: timedelta) -> str:
    """A signature with these rights (``rwdlc``...) on a container, from an hour ago until `lifetime` from now."""
    now = datetime.now(UTC)
    return str(
        generate_container_sas(
            account,
            container,
            key,
            permission=ContainerSasPermissions.from_string(rights),
            start=now - timedelta(hours=1),
            expiry=now + lifetime,
        )
    )
