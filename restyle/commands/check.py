"""`restyle check`: what this machine can do, and what is missing, in words."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable

from restyle.errors import RestyleError
from restyle.settings import Settings

LOW_DISK_BYTES = 5e9


def check(_options: argparse.Namespace) -> int:
    """Prints a line per finding; returns 1 when something that every run needs is missing."""
    sound = True
    for name, probe in CHECKS.items():
        try:
            print(f"ok       {name}: {probe()}")
        except (RestyleError, OSError, ImportError, RuntimeError) as error:
            sound = False
            print(f"missing  {name}: {error}")
    return 0 if sound else 1


def _python() -> str:
    return sys.version.split()[0]


def _compute() -> str:
    from models.runtime import choose_numeric_path, device_count

    path = choose_numeric_path()
    gpus = device_count()
    where = f"{gpus} CUDA device(s)" if gpus else f"{os.cpu_count()} CPU core(s), no CUDA device"
    return f"{where}; frames are painted in {path.precision} on {path.device}"


def _media() -> str:
    import av
    import imageio_ffmpeg

    return f"decoding with PyAV {av.__version__}, encoding with ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}"


def _sandbox() -> str:
    from restyle.media.sandbox import confinement

    found = confinement()
    if not any(found):
        return "none here: decoders are separate processes behind white lists and limits (docs/security.md)"
    return f"decoders and ffmpeg are confined by {found.words}"


def _store(name: str) -> Callable[[], str]:
    def probe() -> str:
        from tasks.stores import open_stores

        store = getattr(open_stores(), name)
        next(iter(store.list("videos/" if name == "data" else "styles/")), None)
        free = store.free_bytes()
        return repr(store) + ("" if free is None else f", {free / 1e9:.0f} GB free")

    return probe


def _disk() -> str:
    home = Settings().home
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    if free < LOW_DISK_BYTES:
        raise RestyleError(f"{home} has {free / 1e9:.1f} GB free; long videos need more, set RESTYLE_HOME")
    return f"{home}, {free / 1e9:.0f} GB free"


def _orchestrator() -> str:
    from flows.server import configured_api

    url = configured_api()
    return f"the Prefect API at {url}" if url else "no Prefect API is configured: each run starts a private one"


def _styles() -> str:
    from models.styles import shipped

    return ", ".join(shipped())


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "compute": _compute,
    "media": _media,
    "sandbox": _sandbox,
    "data store": _store("data"),
    "control store": _store("control"),
    "working disk": _disk,
    "orchestration": _orchestrator,
    "styles": _styles,
}
