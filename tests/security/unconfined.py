"""The decoder process that probes, without its sandbox: what libav's own white lists hold back is seen by itself."""

from restyle.media import sandbox
from restyle.media.child import serve
from restyle.media.probe_child import _probe

if __name__ == "__main__":
    sandbox.confinement = lambda: sandbox.Confinement(0, seccomp=False)  # type: ignore[assignment]
    serve(_probe)
