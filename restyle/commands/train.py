"""`restyle train`: check what can be checked at once, conduct the flow, write the style."""

import argparse
import os
from pathlib import Path

from models.checkpoint import Checkpoint
from models.learning import best_style
from restyle.commands.options import writable
from restyle.commands.progress import showing_progress
from restyle.commands.run import QUIET
from restyle.errors import TrainingDiverged, UnsupportedOutput
from restyle.settings import Settings
from tasks.lessons import BLOB, NEAREST, SCRATCH, Training, TrainingOrder, prepare, training_folder


def train(options: argparse.Namespace) -> int:
    """Train a style; prints what was made, last the style's absolute path.

    Through the flow, as `restyle run` works: one way to train, which shows the same on a dashboard.
    """
    order = order_of(options)
    target = _target(options, order)
    if not options.verbose:
        os.environ.update(QUIET)
    from flows.server import prefect_api

    with showing_progress(), prefect_api(Settings().home / "prefect") as api:
        training = prepare(order)  # while the server starts
        api.await_ready()
        style = _conduct(order, training, target)
    for note in training.painting.notes:
        print(f"note: {note}")
    losses = ", ".join(f"{name} {value:.3g}" for name, value in style.card.losses.items())
    print(f"{style.card.steps} steps, {style.card.recipe}; losses: {losses}")
    print(target)
    return 0


def order_of(options: argparse.Namespace) -> TrainingOrder:
    """The order that the options ask for; files by absolute paths, since a flow run keeps them."""
    start = options.start
    return TrainingOrder(
        painting=_absolute(options.painting),
        photographs=_absolute(options.photographs) if options.photographs else None,
        video=_absolute(options.video) if options.video else None,
        start=start if start in (NEAREST, SCRATCH) or not Path(start).is_file() else _absolute(start),
        minutes=options.minutes,
        steps=options.steps,
    )


def _absolute(name: str) -> str:
    return name if name.startswith(BLOB) else str(Path(name).absolute())


def _target(options: argparse.Namespace, order: TrainingOrder) -> Path:
    target = Path(options.output or f"{order.title}.safetensors")
    if target.suffix != ".safetensors":
        raise UnsupportedOutput(f"{target}: a style is a .safetensors file; name it {target.stem}.safetensors")
    return writable(target, "style.safetensors")


def _conduct(order: TrainingOrder, training: Training, target: Path) -> Checkpoint:
    from flows.train_style import train_order

    try:
        style = train_order(order)
    except TrainingDiverged as error:
        best = best_style(training_folder(training))
        if not best.exists():
            raise
        _write_whole(target, best.read_bytes())
        raise TrainingDiverged(f"{error} (and at {target})") from error
    _write_whole(target, style.data)
    return style


def _write_whole(target: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
