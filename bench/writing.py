"""Where measurements go: between the markers of each table in the documents, with the machine they were taken on."""

from pathlib import Path

from models.runtime import core_count

DOCS = Path(__file__).parent.parent / "docs"
SCALE, PERFORMANCE, MEDIA = DOCS / "scale.md", DOCS / "performance.md", DOCS / "media.md"


def put(name: str, lines: list[str], document: Path = SCALE) -> None:
    """Replace what stands between the markers of this name."""
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    text = document.read_text()
    before, after = text.split(start)[0], text.split(end)[1]
    document.write_text(before + start + "\n" + "\n".join(lines) + "\n" + end + after)


def machine() -> str:
    """The processor's name, and how many of its cores are ours."""
    told = Path("/proc/cpuinfo").read_text()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return f"{core_count()} cores of {names[0] if names else 'an unnamed processor'}"
