"""A mix of styles: its words on the command line, checked, and the reference a job keeps of it."""

import hashlib
import math
import re

from restyle.errors import BadSetting
from restyle.job import StylePart, StyleRef

REMEDY = "write it as starry_night:0.6,wave:0.4"


def is_mix(style: str) -> bool:
    """Whether these words mean several styles rather than one."""
    return "," in style


def parse_mix(words: str) -> tuple[tuple[str, float], ...]:
    """Styles and their weights as given, ``NAME:WEIGHT,NAME:WEIGHT``. Raises BadSetting for anything else."""
    parts = tuple(_part(words, part.strip(" ")) for part in words.split(","))
    names = [name for name, _ in parts]
    if len(names) < 2:
        raise BadSetting(f"--style {words}: one style alone is no mix; for less of it lower --strength")
    for name in names:
        if names.count(name) > 1:
            raise BadSetting(f"--style {words}: {name} is named twice; add up its weights")
    return parts


def _part(words: str, part: str) -> tuple[str, float]:
    name, _, number = part.rpartition(":")
    if not name:
        raise BadSetting(f"--style {words}: {part or 'an empty part'} has no weight; {REMEDY}")
    try:
        weight = float(number if number.isprintable() else "")  # it takes control characters for blanks
    except ValueError:
        raise BadSetting(f"--style {words}: the weight {number!r} of {name} is not a number; {REMEDY}") from None
    if not (math.isfinite(weight) and weight > 0):
        raise BadSetting(f"--style {words}: the weight {number} of {name} is not above 0; leave out what has none")
    return name, weight


def mix_reference(parts: tuple[StylePart, ...]) -> StyleRef:
    """The reference of a mix: shares add up to 1, and neither order nor scale of the weights makes another mix.

    Raises BadSetting where two parts are the same style.
    """
    total = sum(part.share for part in parts)
    seen: dict[str, str] = {}
    for part in parts:
        if part.sha256 in seen:
            raise BadSetting(f"--style: {seen[part.sha256]} and {part.name} are the same style; add up their weights")
        seen[part.sha256] = part.name
    # A millionth changes no pixel, and hides how the weights were written.
    shares = tuple(part.model_copy(update={"share": round(part.share / total, 6)}) for part in parts)
    ordered = tuple(sorted(shares, key=lambda part: part.sha256))
    digest = hashlib.sha256("\n".join(f"{part.sha256} {part.share:.6f}" for part in ordered).encode()).hexdigest()
    name = ",".join(f"{part.name}:{part.share:g}" for part in shares)
    return StyleRef(name=name, sha256=digest, kind="mix", parts=ordered)


def file_words(style: str) -> str:
    """A style, mix or model in words that a file name may hold: ``wave:0.4`` as ``wave-0.4``, a path by its stem."""
    name = re.split(r"[/\\]", style)[-1]
    stem = re.sub(r"\.(safetensors|pth|pt2|jpe?g|png|webp|tiff?)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[^\w.]+", "-", stem).strip("-.") or "painted"
