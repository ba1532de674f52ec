"""From what a user calls a style or a model to what paints, and the files that workers need of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from models.checkpoint import (
    CHECKPOINT_SUFFIXES,
    Checkpoint,
    StyleCard,
    read_card,
    read_checkpoint,
    read_tensors,
    require_size,
)
from models.gatys import GatysRecipe, write_order
from models.own import callable_identity, is_program, load_program
from models.paintings import read_painting
from models.pictures import is_picture
from models.runtime import choose_numeric_path
from models.styles import ShippedStyle, shipped, shipped_fast
from restyle.domain import Engine, Frozen
from restyle.errors import BadCheckpoint, BadModel, BadSetting, UnknownStyle
from restyle.job import StylePart, StyleRef
from restyle.layout import TRAINED_STYLES, gatys_order, program, weights
from restyle.mix import is_mix, mix_reference, parse_mix
from tasks.lessons import content_of, is_painting
from tasks.stores import open_stores

CARD_BYTES = 1 << 16
"""As much of a style's file as its card is found in: the card stands before the weights."""


class Chosen(Frozen):
    """What a run paints with: the reference its job keeps, and the files a worker needs, by their control-store key."""

    ref: StyleRef
    files: dict[str, bytes]
    origin: str = Field(default="", description="what it was made from, in words")


class KeptStyle(Frozen):
    """A style of the control store."""

    key: str
    card: StyleCard


def choose(style: str | None, model: str | None, engine: Engine = "auto") -> Chosen:
    """What --style or --model names, exactly one of them given, as the engine paints it.

    Raises UnknownStyle, BadCheckpoint, BadPainting and BadModel; BadSetting for an engine that does not go with it.
    """
    if engine == "gatys" and style is not None:
        return resolve_gatys(style)
    if engine == "fast" and style is not None:
        return resolve_named(style, engine)
    if model is not None:
        if engine != "auto":
            raise BadSetting(f"--engine {engine}: --model {model} paints by itself; leave one of the two out")
        return resolve_model(model)
    assert style is not None
    return resolve_style(style)


def resolve_style(style: str) -> Chosen:
    """A style's name, a checkpoint file, or a mix of these. Raises UnknownStyle, BadCheckpoint, BadSetting."""
    return of_checkpoint(_checkpoint(style)) if _is_file(style) else _resolve(style, _checkpoint)


def resolve_named(style: str, engine: Engine = "auto") -> Chosen:
    """A style's name, or a mix of names: no file is looked for. Raises UnknownStyle, BadCheckpoint, BadSetting."""
    return _resolve(style, fast_style if engine == "fast" else named_style)


def _resolve(style: str, find: Callable[[str], Checkpoint]) -> Chosen:
    if not is_mix(style):
        return of_checkpoint(find(style))
    weighed = [(find(name), weight) for name, weight in parse_mix(style)]
    parts = tuple(StylePart(name=part.name, sha256=part.sha256, share=weight) for part, weight in weighed)
    files = {weights(part.sha256): part.data for part, _ in weighed}
    return Chosen(ref=mix_reference(parts), files=files, origin="a mix of styles")


def of_checkpoint(checkpoint: Checkpoint) -> Chosen:
    """One style alone."""
    ref = StyleRef(name=checkpoint.name, sha256=checkpoint.sha256)
    return Chosen(ref=ref, files={weights(ref.sha256): checkpoint.data}, origin=describe(checkpoint.card))


def named_style(name: str) -> Checkpoint:
    """A shipped style, or the newest of this name that was trained into the control store. Raises UnknownStyle."""
    known = shipped()
    if name in known:
        return _shipped(known[name])
    kept = kept_styles()
    if name in kept:
        control, key = open_stores().control, kept[name].key
        require_size(control.stat(key).size_bytes, control.url(key))
        data = control.read(key)
        read_tensors(data, control.url(key))
        return Checkpoint(name=name, sha256=hashlib.sha256(data).hexdigest(), data=data, card=kept[name].card)
    raise UnknownStyle(f"{name}: no such style; the styles at hand are {', '.join([*known, *kept])}")


def fast_style(name: str) -> Checkpoint:
    """A shipped style as a network of half the width. Raises UnknownStyle."""
    known = shipped_fast()
    if name in known:
        return _shipped(known[name])
    raise UnknownStyle(
        f"--engine fast: {name} has no smaller network; those that have are {', '.join(known)}; leave the option out"
    )


def _shipped(style: ShippedStyle) -> Checkpoint:
    """Raises BadCheckpoint for a file that is not the pinned one."""
    checkpoint = read_checkpoint(style.path)
    if checkpoint.sha256 != style.sha256:
        raise BadCheckpoint(f"{style.path}: not the style that restyle came with; install restyle again")
    return checkpoint


def kept_styles() -> dict[str, KeptStyle]:
    """The styles that were trained into the control store, by name; of several with one name the newest."""
    control = open_stores().control
    found = sorted(control.list(TRAINED_STYLES), key=lambda blob: blob.modified)
    cards = [(blob.key, read_card(control.read(blob.key, size=CARD_BYTES))) for blob in found]
    return {card.name: KeptStyle(key=key, card=card) for key, card in cards if card is not None}


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


def resolve_gatys(painting: str) -> Chosen:
    """A painting to optimise frames towards. Raises BadSetting for a style that is no painting, and BadPainting."""
    if not is_painting(painting):
        raise BadSetting(
            f"--engine gatys: optimises frames towards a painting, and {painting} is a style; pass the painting's "
            "image file to --style"
        )
    order = write_order(read_painting(content_of(painting), painting), GatysRecipe())
    digest = hashlib.sha256(order).hexdigest()
    ref = StyleRef(name=Path(painting).stem, sha256=digest, kind="gatys")
    return Chosen(ref=ref, files={gatys_order(digest): order}, origin="a painting, by Gatys' method")


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
    path = Path(style)
    if style not in shipped():
        if is_picture(style):
            raise UnknownStyle(f"{style}: a painting, which is no style yet; make one with `restyle train {style}`")
        if _is_file(style) or path.suffix in CHECKPOINT_SUFFIXES:
            return read_checkpoint(path)
    try:
        return named_style(style)
    except UnknownStyle as error:
        raise UnknownStyle(f"{error}; or pass a checkpoint file (.safetensors or .pth)") from None
