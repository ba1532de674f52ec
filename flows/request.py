"""What a run is asked for: by the command line, which may name local files, or by an order, which may not."""

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from restyle.domain import Engine, Frozen
from restyle.errors import BadSetting
from restyle.job import Look
from restyle.media.options import OutputOptions
from restyle.mix import file_words
from restyle.order import VideoOrder, faults

BLOB = "data:"


class Request(Frozen):
    """What a run is asked for."""

    video: str = Field(description="a local file, or data:KEY for a blob of the data store")
    style: str | None = Field(default=None, description="the name of a style, a checkpoint, a painting, or a mix")
    painting: str | None = Field(default=None, description="a painting in place of a style: a file, or data:KEY")
    train_minutes: float | None = Field(default=None, gt=0, description="how long to train, where style is a painting")
    model: str | None = Field(default=None, description="a user's own model in place of a style: runs as code")
    names_only: bool = Field(default=False, description="style is looked for among names alone, never among files")
    engine: Engine = Field(default="auto", description="a trained network, full or fast, or gatys; auto: full")
    look: Look = Look()
    batch_size: int | None = Field(default=None, ge=1, description="frames per batch, the unit of retry; None: chosen")
    output: OutputOptions = OutputOptions()
    keep_frames: bool = False
    threads: int | None = Field(default=None, description="torch threads per worker; None leaves it to the worker")
    workers: int = Field(default=1, ge=1, description="of the cluster")
    hosts: int = Field(default=1, ge=1, description="machines that the workers are on")
    budget: float | None = Field(default=None, gt=0, description="what the run may cost, by the price table")

    @model_validator(mode="after")
    def _one_painter(self) -> "Request":
        if [self.style, self.painting, self.model].count(None) != 2:
            raise ValueError("exactly one of style, painting and model is needed")
        return self

    @property
    def key(self) -> str | None:
        """The data-store key, where the video is a blob."""
        return self.video.removeprefix(BLOB) if self.video.startswith(BLOB) else None

    @property
    def local(self) -> Path | None:
        """The local file, where the video is one."""
        return None if self.key else Path(self.video)

    @property
    def in_flight(self) -> int:
        """Batches to have submitted and not ended: one at work and two in reserve for each worker."""
        return 3 * self.workers

    @property
    def title(self) -> str:
        """What a person calls this run."""
        return title(self.video, self.style or self.painting or self.model or "")


def order_of(**words: Any) -> VideoOrder:  # whatever a form held
    """The order that these words make. Raises BadSetting, saying in one line what is wrong with them."""
    try:
        return VideoOrder(**words)
    except ValidationError as error:
        raise BadSetting(faults(error)) from None


def request_of(order: VideoOrder, threads: int | None, workers: int, hosts: int = 1) -> Request:
    """The request that an order comes to, on a cluster with so many workers, threads in each, and machines."""
    return Request(
        video=BLOB + order.video,
        style=order.style,
        painting=order.painting and BLOB + order.painting,
        names_only=True,
        engine="fast" if order.fast else "auto",
        look=Look(
            strength=order.strength,
            keep_color=order.keep_color,
            stroke=order.stroke,
            smooth=order.smooth,
            max_side=order.max_side,
        ),
        output=OutputOptions(codec=order.codec, crf=order.crf),
        threads=threads,
        workers=workers,
        hosts=hosts,
        budget=order.budget,
    )


def title(video: str, painted_with: str) -> str:
    """A run in words, as a dashboard lists it: ``orangutan.mp4 in starry_night``."""
    return f"{Path(video.removeprefix(BLOB)).name} in {file_words(painted_with)}"
