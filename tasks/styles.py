"""From what a user calls a style to its checkpoint."""

from pathlib import Path

from models.checkpoint import CHECKPOINT_SUFFIXES, Checkpoint, read_checkpoint
from models.styles import shipped
from restyle.errors import UnknownStyle


def resolve_style(style: str) -> Checkpoint:
    """The checkpoint of a shipped style's name or of a checkpoint file. Raises UnknownStyle and BadCheckpoint."""
    known = shipped()
    if style in known:
        return read_checkpoint(known[style].path)
    path = Path(style)
    if path.is_file() or path.suffix in CHECKPOINT_SUFFIXES:
        return read_checkpoint(path)
    raise UnknownStyle(
        f"{style}: no such style; the styles at hand are {', '.join(known)}; "
        "or pass a checkpoint file (.safetensors or .pth)"
    )
