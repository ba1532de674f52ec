"""What the system knows of a process."""

from collections.abc import Mapping
from pathlib import Path


def has_from_its_start(process: int, environment: Mapping[str, str]) -> bool:
    """Whether a process was started with these variables: the C library looks at no others."""
    started = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return all(f"{name}={value}" in started for name, value in environment.items())
