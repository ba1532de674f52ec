"""How a training tells how far it is: lines on the terminal, and artifacts on the page of its run."""

import base64
import time
from statistics import fmean
from typing import cast
from uuid import UUID

from prefect.artifacts import create_image_artifact, create_progress_artifact, update_progress_artifact

from models.learning import WINDOW, Lesson
from models.samples import sample_sheet
from models.training import Recipe, TrainingState
from restyle.charts import loss_curve
from restyle.progress import often

LINE_EVERY_S = 2.0
PROGRESS_PARTS, PICTURE_PARTS = 20, 4
"""A training is told of in so many parts: artifacts are kept for ever, and pictures are large."""
CURVES = ("style", "content", "stability")


class TrainingReport:
    """Called after each step, within a task run; says little and draws less, so that training has the machine."""

    def __init__(self, recipe: Recipe, lesson: Lesson) -> None:
        self._recipe = recipe
        self._lesson = lesson
        self._said = 0.0
        self._artifact: UUID | None = None

    def after_step(self, state: TrainingState) -> None:
        """Tell of this step, if it is time to."""
        last = state.step == self._recipe.steps
        if last or time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            often(self._line(state))
        if last or _begins_part(state.step, self._recipe.steps, PROGRESS_PARTS):
            self._progress(state)
        if last or _begins_part(state.step, self._recipe.steps, PICTURE_PARTS):
            self._pictures(state)

    def _line(self, state: TrainingState) -> str:
        recent = state.losses[-WINDOW:]
        left_s = (self._recipe.steps - state.step) * fmean(step["seconds"] for step in recent)
        style, content = (fmean(step[name] for step in recent) for name in ("style", "content"))
        return (
            f"training the style: step {state.step} of ~{self._recipe.steps}, style loss {style:.3f}, "
            f"content loss {content:.3f}, {_duration(left_s)} left"
        )

    def _progress(self, state: TrainingState) -> None:
        percent = 100 * state.step / self._recipe.steps
        if self._artifact is None:
            description = f"{self._recipe.steps} steps of training"
            made = create_progress_artifact(percent, key="training-progress", description=description)
            self._artifact = cast(UUID, made)  # a coroutine only where an event loop runs
        else:
            update_progress_artifact(self._artifact, percent)

    def _pictures(self, state: TrainingState) -> None:
        curve = loss_curve(state.losses, CURVES)
        create_image_artifact(_url("png", curve), key="training-losses", description="losses over steps")
        sheet = sample_sheet(state, self._lesson.pictures, self._lesson.numeric)
        description = f"training pictures, painted after {state.step} steps"
        create_image_artifact(_url("jpeg", sheet), key="training-samples", description=description)


def _begins_part(step: int, steps: int, parts: int) -> bool:
    """Whether this is the first step of one of so many equal parts."""
    return step * parts // steps > (step - 1) * parts // steps


def _url(kind: str, image: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
