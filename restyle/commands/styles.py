"""`restyle styles`: the styles at hand, one a line, the name first."""

from models.styles import shipped
from tasks.styles import describe


def list_styles() -> int:
    """Prints a line per style: its name, then what it was trained from."""
    for name, style in shipped().items():
        print(f"{name}\t{describe(style.card)}")
    return 0
