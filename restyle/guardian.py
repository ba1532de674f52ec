"""Kills the process groups it was told of when its parent is gone, however it went: `python -m restyle.guardian`.

It reads lines, ``guard GROUP`` and ``forget GROUP``, and acts when they end: whatever ends its parent, the system then
closes their pipe.
"""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Keep the list until the parent is gone, then kill what is on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        word, _, leader = line.partition(" ")
        (groups.add if word == "guard" else groups.discard)(int(leader))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
