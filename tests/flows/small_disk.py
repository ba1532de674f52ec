"""Run restyle with its home on a disk of a few kilobytes; for `unshare -rm python -m tests.flows.small_disk`.

Arguments: FOLDER KILOBYTES FILL CLIP. With FILL "filled" the disk fills up once a batch is recorded, and is freed
again after the run has ended; then the same command runs once more. Prints a JSON list of [exit code, stderr].
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.flows.conftest import Shell

COMMAND = ("run", "--style", "starry_night", "--batch-size", "4", "--workers", "1")


def main(folder: Path, kilobytes: str, fill: str, clip: str) -> None:
    """Mount, run, report."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=True)
    shell = Shell(folder)
    words = (*COMMAND, clip, "-o", folder / "out.mp4")
    ended = []
    if fill == "filled":
        command, environment = shell.command(*words)
        running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        while running.poll() is None and not list(folder.glob("control/jobs/*/ledger/*.json")):
            time.sleep(0.05)
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        ended.append([running.wait(), running.stderr.read() if running.stderr else ""])
        filler.unlink()
    again = shell(*words)
    ended.append([again.returncode, again.stderr])
    sys.stdout.write(json.dumps(ended))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
