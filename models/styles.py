"""The styles shipped with restyle: their files, their cards and the hashes they must have."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from models.checkpoint import StyleCard, read_card
from restyle.domain import Frozen
from restyle.errors import BadCheckpoint

WEIGHTS_FOLDER = Path(__file__).with_name("weights")
FAST_FOLDER = WEIGHTS_FOLDER / "fast"
# As sha256sum writes it: `sha256sum -c SHA256SUMS` checks it too.
PINS_PATH = WEIGHTS_FOLDER / "SHA256SUMS"
NOT_STYLES = frozenset({"vgg16_features.safetensors"})


class ShippedStyle(Frozen):
    """A style that needs no file from the user."""

    name: str
    path: Path
    sha256: str
    card: StyleCard


def pinned_hashes() -> dict[str, str]:
    """SHA-256 by file name below the weights' folder, as pinned there."""
    return {name: digest for digest, name in (line.split() for line in PINS_PATH.read_text().splitlines())}


@cache
def shipped() -> Mapping[str, ShippedStyle]:
    """The shipped styles by name, in order of names. Raises BadCheckpoint where a file has lost its card."""
    return _pinned(WEIGHTS_FOLDER)


@cache
def shipped_fast() -> Mapping[str, ShippedStyle]:
    """The same styles as networks of the fast engine; as ``shipped``."""
    return _pinned(FAST_FOLDER)


def _pinned(folder: Path) -> Mapping[str, ShippedStyle]:
    styles = {}
    for file_name, digest in sorted(pinned_hashes().items()):
        path = WEIGHTS_FOLDER / file_name
        if path.parent != folder or path.name in NOT_STYLES:
            continue
        card = read_card(path.read_bytes())
        if card is None:
            raise BadCheckpoint(f"{path}: the shipped style holds no card; install restyle again")
        styles[card.name] = ShippedStyle(name=card.name, path=path, sha256=digest, card=card)
    return MappingProxyType(styles)
