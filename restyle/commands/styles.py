"""`restyle styles`: the styles at hand, one a line, the name first."""

from models.checkpoint import StyleCard
from models.styles import shipped


def list_styles() -> int:
    """Prints a line per style: its name, then what it was trained from."""
    for name, style in shipped().items():
        print(f"{name}\t{describe(style.card)}")
    return 0


def describe(card: StyleCard) -> str:
    """The painting a style was trained from, as its card says: title, artist, year."""
    known = [str(part) for part in (card.painting, card.artist, card.year) if part is not None]
    return ", ".join(known) or "origin unknown"
