"""TLS between a run and its workers, where a team wishes it."""

from pathlib import Path
from typing import Any

from restyle.errors import BadSetting

TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


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
