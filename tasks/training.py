"""train-style: a painting becomes a style, once for everyone who shares the control store, and is kept there."""

import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from prefect import task

from models.checkpoint import Checkpoint, StyleCard, read_card, read_checkpoint, read_tensors
from models.learning import (
    DEFAULT_MINUTES,
    Lesson,
    best_style,
    learn,
    nearest_style,
    recipe_for,
    seconds_per_step,
    smallest_side,
    steps_within,
)
from models.runtime import choose_numeric_path
from models.styles import shipped
from restyle.domain import Frozen
from restyle.errors import BlobExists, BlobNotFound, TrainingDiverged
from restyle.layout import trained_lease, trained_style
from restyle.lease import POLL_S, lease
from restyle.progress import step
from restyle.storage import Store
from tasks.lessons import NEAREST, SCRATCH, Pyramids, Training, TrainingOrder, prepare, start_file, training_folder
from tasks.retrying import RETRYING, already
from tasks.stores import open_stores
from tasks.training_report import TrainingReport


class TrainingPlan(Frozen):
    """What is found out once when a training begins, so that a resumed one ends where an undisturbed one does."""

    steps: int
    start: str


@task(name="train-style", task_run_name="train-style {order.title}", **RETRYING)
def train_style(order: TrainingOrder) -> Checkpoint:
    """The painting's style: found in the control store, or trained here while no one else trains it.

    Raises TrainingDiverged, naming the best style of before, and whatever is wrong with the order's inputs.
    """
    control, training = open_stores().control, prepare(order)
    kept = find_trained(control, training)
    if kept is not None:
        return already("AlreadyDone", f"{trained_style(training.training_id)} was trained before", kept)
    folder = training_folder(training)
    with sole_trainer(control, training.training_id, folder) as mine:
        if mine and not is_trained(control, training.training_id):
            data = _train_here(order, training, folder)
            with suppress(BlobExists):
                control.create(trained_style(training.training_id), data)
            shutil.rmtree(folder)
    made = find_trained(control, training)
    assert made is not None, "whoever held the lease left the style"
    return made


def is_trained(control: Store, training_id: str) -> bool:
    """Whether the control store has the style."""
    try:
        return control.stat(trained_style(training_id)).size_bytes > 0
    except BlobNotFound:
        return False


def find_trained(control: Store, training: Training) -> Checkpoint | None:
    """The style as the control store has it, under this painting's name, or None. Raises BadCheckpoint."""
    key = trained_style(training.training_id)
    try:
        data = control.read(key)
    except BlobNotFound:
        return None
    read_tensors(data, control.url(key))
    card = read_card(data) or StyleCard(name=training.card.name)
    return Checkpoint(name=training.card.name, sha256=hashlib.sha256(data).hexdigest(), data=data, card=card)


@contextmanager
def sole_trainer(control: Store, training_id: str, folder: Path) -> Iterator[bool]:
    """Waits until this process alone may train this style, in `folder`; gives False once another has trained it.

    On one machine a file lock keeps others out, and ends with its process; between machines a lease does. The lease's
    owner is the folder, so that a killed process leaves nothing to wait for to the next one here.
    """
    asked = count()

    def wanted() -> bool:
        if next(asked) == 1:
            step("another run trains this style; waiting for it")
        return not is_trained(control, training_id)

    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a+b") as file:
        if not _lock(file, wanted):
            yield False
            return
        with lease(control, trained_lease(training_id), _owner(file), wanted) as held:
            yield held


def _lock(file: BinaryIO, wanted: Callable[[], bool]) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not wanted():
                return False
            time.sleep(POLL_S)


def _owner(file: BinaryIO) -> str:
    """A name of this folder that no other machine's folder has; kept in the locked file."""
    file.seek(0)
    owner = file.read().decode()
    if not owner:
        owner = uuid.uuid4().hex
        file.write(owner.encode())
        file.flush()
        os.fsync(file.fileno())
    return owner


def _train_here(order: TrainingOrder, training: Training, folder: Path) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)  # whoever trained before us removed it
    for note in training.painting.notes:
        step(f"{order.painting}: {note}")
    step("reading the pictures to learn from")
    pictures = training.pictures.read(smallest_side(recipe_for(1, scratch=False)))
    plan = _fixed_plan(order, training, folder, pictures)
    lesson = _lesson(training, plan, pictures)
    recipe = recipe_for(plan.steps, plan.start == SCRATCH)
    described = training.card.recipe or ""
    card = training.card.model_copy(update={"recipe": described.replace(f"from {NEAREST}", f"from {plan.start}")})
    report = TrainingReport(recipe, lesson)
    try:
        return learn(lesson, recipe, card, folder, report.after_step)
    except TrainingDiverged as error:
        raise TrainingDiverged(f"{order.painting}: {error}; {_remedy(best_style(folder))}") from error


def _remedy(best: Path) -> str:
    kept = f"the best style until then is kept at {best}" if best.exists() else "it was too early to keep a style"
    return f"{kept}; train again from another start (--from) or on other pictures (--photographs)"


def _lesson(training: Training, plan: TrainingPlan, pictures: Pyramids) -> Lesson:
    start = None if plan.start == SCRATCH else read_tensors(read_checkpoint(start_file(plan.start)).data)
    painting = training.painting.shrunk(recipe_for(1, scratch=False).painting_px)
    return Lesson(painting, pictures, start, choose_numeric_path())


def _fixed_plan(order: TrainingOrder, training: Training, folder: Path, pictures: Pyramids) -> TrainingPlan:
    """The plan that the training began with, else a new one, written down before the first step."""
    path = folder / "plan.json"
    if path.exists():
        return TrainingPlan.model_validate_json(path.read_bytes())
    start = order.start
    if start == NEAREST:
        step("looking for the nearest style to begin from")
        styles = {name: style.path.read_bytes() for name, style in shipped().items()}
        start = nearest_style(training.painting.shrunk(recipe_for(1, scratch=False).painting_px), pictures, styles)
    steps = order.steps
    if steps is None:
        step("timing a few steps")
        lesson = _lesson(training, TrainingPlan(steps=1, start=start), pictures)
        minutes = order.minutes or DEFAULT_MINUTES[lesson.numeric.device]
        steps = steps_within(minutes, seconds_per_step(lesson, recipe_for(1, start == SCRATCH)))
    plan = TrainingPlan(steps=steps, start=start)
    aside = path.with_suffix(".partial")
    aside.write_text(plan.model_dump_json())
    aside.replace(path)
    return plan
