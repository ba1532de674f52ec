"""What the system knows of a process."""

from collections.abc import Mapping
from pathlib import Path


def has_from_its_start(process: int, environment: Mapping[str, str]) -> bool:
    """Whether a process was started with these variables: the C library looks at no others.

    It puts an end in place of each colon as it reads them.
    """
    started = Path(f"/proc/{process}/environ").read_text().replace(":", "\0")
    return all(f"\0{name}={value}\0".replace(":", "\0") in f"\0{started}" for name, value in environment.items())
