"""What a worker process is called in records and logs."""

import os
import socket


def worker_name() -> str:
    """Host and process id: unique among the workers that are alive."""
    return f"{socket.gethostname()}:{os.getpid()}"
