"""`restyle styles`: the styles at hand, one a line, the name first; `restyle styles NAME`: the whole card of one."""

import argparse

from models.checkpoint import StyleCard
from models.styles import shipped
from tasks.styles import describe, kept_styles, named_style


def styles(options: argparse.Namespace) -> int:
    """Cards of the styles that are named, else a list of all."""
    return show_cards(options.names) if options.names else list_styles()


def list_styles() -> int:
    """Prints a line per style, those that come along before those that were trained here."""
    known = shipped()
    for name, style in known.items():
        print(f"{name}\t{describe(style.card)}")
    for name, kept in kept_styles().items():
        if name not in known:
            print(f"{name}\t{describe(kept.card)}")
    return 0


def show_cards(names: list[str]) -> int:
    """Prints the card of each, a line per entry. Raises UnknownStyle."""
    for card in [named_style(name).card for name in names]:
        print("\n".join(card_lines(card)))
    return 0


def card_lines(card: StyleCard) -> list[str]:
    """What a card says, in its order, left out what it does not."""
    entries = card.model_dump(exclude_none=True, exclude_defaults=True) | {"architecture": card.architecture}
    return [f"{name.replace('_', ' '):14} {_in_words(value)}" for name, value in entries.items()]


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:g}" for name, number in value.items())
    return str(value)
