"""Where measurements go in docs/scale.md: between the markers of each table."""

from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "docs" / "scale.md"


def put(name: str, lines: list[str]) -> None:
    """Replace what stands between the markers of this name."""
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    text = DOCUMENT.read_text()
    before, after = text.split(start)[0], text.split(end)[1]
    DOCUMENT.write_text(before + start + "\n" + "\n".join(lines) + "\n" + end + after)
