"""From what a user calls a style or a model to what paints, and the files that workers need of it."""

import hashlib
from pathlib import Path

from pydantic import Field

from models.checkpoint import CHECKPOINT_SUFFIXES, Checkpoint, StyleCard, read_checkpoint
from models.own import callable_identity, is_program, load_program
from models.pictures import is_picture
from models.runtime import choose_numeric_path
from models.styles import shipped
from restyle.domain import Frozen
from restyle.errors import BadModel, UnknownStyle
from restyle.job import StylePart, StyleRef
from restyle.layout import program, weights
from restyle.mix import is_mix, mix_reference, parse_mix


class Chosen(Frozen):
    """What a run paints with: the reference its job keeps, and the files a worker needs, by their control-store key."""

    ref: StyleRef
    files: dict[str, bytes]
    origin: str = Field(default="", description="what it was made from, in words")


def choose(style: str | None, model: str | None) -> Chosen:
    """What --style or --model names, exactly one of them given. Raises UnknownStyle, BadCheckpoint and BadModel."""
    if model is not None:
        return resolve_model(model)
    assert style is not None
    return resolve_style(style)


def resolve_style(style: str) -> Chosen:
    """A shipped style's name, a checkpoint file, or a mix of these. Raises UnknownStyle, BadCheckpoint, BadSetting."""
    if not is_mix(style) or _is_file(style):
        return of_checkpoint(_checkpoint(style))
    weighed = [(_checkpoint(name), weight) for name, weight in parse_mix(style)]
    parts = tuple(StylePart(name=part.name, sha256=part.sha256, share=weight) for part, weight in weighed)
    files = {weights(part.sha256): part.data for part, _ in weighed}
    return Chosen(ref=mix_reference(parts), files=files, origin="a mix of styles")


def of_checkpoint(checkpoint: Checkpoint) -> Chosen:
    """One style alone."""
    ref = StyleRef(name=checkpoint.name, sha256=checkpoint.sha256)
    return Chosen(ref=ref, files={weights(ref.sha256): checkpoint.data}, origin=describe(checkpoint.card))


def require_names(style: str) -> None:
    """Raises UnknownStyle unless this is a shipped style's name or a mix of such names: no file is looked for."""
    for name in [name for name, _ in parse_mix(style)] if is_mix(style) else [style]:
        if name not in shipped():
            raise UnknownStyle(f"{name}: no such style; the styles at hand are {', '.join(shipped())}")


def resolve_model(name: str) -> Chosen:
    """A callable or an exported program, which is loaded once to see that it can be. Raises BadModel."""
    if not is_program(name):
        return Chosen(ref=StyleRef(name=name, sha256=callable_identity(name), kind="callable"), files={})
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise BadModel(
            f"--model {name}: cannot be read ({error.strerror}); name a file made by torch.export"
        ) from error
    load_program(name, data, choose_numeric_path())
    digest = hashlib.sha256(data).hexdigest()
    return Chosen(ref=StyleRef(name=Path(name).name, sha256=digest, kind="program"), files={program(digest): data})


def describe(card: StyleCard) -> str:
    """The painting a style was trained from, as its card says: title, artist, year."""
    known = [str(part) for part in (card.painting, card.artist, card.year) if part is not None]
    return ", ".join(known) or "origin unknown"


def _is_file(style: str) -> bool:
    try:
        return Path(style).is_file()
    except OSError:  # too long for a path, say
        return False


def _checkpoint(style: str) -> Checkpoint:
    known = shipped()
    if style in known:
        return read_checkpoint(known[style].path)
    path = Path(style)
    if is_picture(style):
        raise UnknownStyle(f"{style}: a painting, which is no style yet; make one with `restyle train {style}`")
    if _is_file(style) or path.suffix in CHECKPOINT_SUFFIXES:
        return read_checkpoint(path)
    raise UnknownStyle(
        f"{style}: no such style; the styles at hand are {', '.join(known)}; "
        "or pass a checkpoint file (.safetensors or .pth)"
    )
