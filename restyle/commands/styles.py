"""`restyle styles`: the styles at hand, one a line, the name first."""

from models.styles import shipped
from tasks.styles import describe, kept_styles


def list_styles() -> int:
    """Prints a line per style, those that come along before those that were trained here."""
    known = shipped()
    for name, style in known.items():
        print(f"{name}\t{describe(style.card)}")
    for name, kept in kept_styles().items():
        if name not in known:
            print(f"{name}\t{describe(kept.card)}")
    return 0
