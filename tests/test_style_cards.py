"""`restyle styles NAME` shows all that a card says."""

import pytest

from models.checkpoint import StyleCard
from models.styles import shipped
from restyle.commands.styles import card_lines, show_cards
from restyle.errors import UnknownStyle


def test_a_card_is_shown_entry_by_entry_and_silent_on_what_it_does_not_know() -> None:
    card = StyleCard(name="rows", painting="rows.png", steps=2, losses={"style": 0.25, "content": 1.5})
    words = [line.split(maxsplit=1) for line in card_lines(card)]
    assert ["losses", "style 0.25, content 1.5"] in words
    assert ["architecture", "johnson2016"] in words
    assert {first for first, _ in words} == {"name", "painting", "steps", "losses", "architecture"}


def test_every_shipped_style_has_a_card_that_says_how_it_was_trained(capsys: pytest.CaptureFixture[str]) -> None:
    show_cards(list(shipped()))
    entries = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    for entry in ("recipe", "steps", "artist"):
        assert entries.count(entry) == len(shipped())


def test_a_card_of_no_style_is_refused_by_name() -> None:
    with pytest.raises(UnknownStyle, match="nope: no such style"):
        show_cards(["nope"])
