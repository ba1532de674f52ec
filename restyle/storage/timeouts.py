"""How long a store waits before it gives up."""

from pydantic import Field

from restyle.domain import Frozen


class Timeouts(Frozen):
    """Bounds in seconds; a call that meets only silence ends after about ``attempts * idle_s``."""

    connect_s: float = Field(default=10, gt=0, description="until a connection stands")
    idle_s: float = Field(default=30, gt=0, description="without a byte in either direction")
    attempt_s: float = Field(default=120, gt=0, description="for one whole request of at most 8 MiB, bytes trickling")
    attempts: int = Field(default=4, ge=1, description="tries of one request")
    pause_s: float = Field(default=1, ge=0, description="before the second try, doubling with each, half of it jitter")
