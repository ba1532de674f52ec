"""Artifacts on the page of a run. Their keys stay the same from run to run, so that the dashboard lines them up."""

import base64
import json
import logging
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import (
    create_image_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from restyle.board import Row, progress_words
from restyle.progress import Progress

log = logging.getLogger(__name__)


def quietly(show: Callable[..., None], *values: Any) -> None:  # whatever `show` takes
    """Show something; a server that does not take it fails no run."""
    try:
        show(*values)
    except Exception as error:  # noqa: BLE001  (a picture of the work is not the work)
        log.warning("the dashboard was not told: %s: %s", type(error).__name__, error)


class ProgressBar:
    """Frames done, as a bar."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None
        self._shown: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Draw it, or draw it anew where something changed."""
        if progress == self._shown:
            return
        percent, words = 100 * progress.done / progress.total, progress_words(progress)
        if self._id is None:
            self._id = cast(UUID, create_progress_artifact(percent, self._key, words))  # no coroutine: no event loop
        else:
            update_progress_artifact(self._id, percent, words)
        self._shown = progress


class Table:
    """Rows that change while a run goes on: one artifact, renewed."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None
        self._shown: list[Row] = []

    def show(self, rows: list[Row], description: str) -> None:
        """Draw it, or draw it anew where something changed."""
        if self._id is None:
            self._id = cast(UUID, create_table_artifact([dict(row) for row in rows], self._key, description))
        elif rows != self._shown:
            with get_client(sync_client=True) as client:
                client.update_artifact(self._id, ArtifactUpdate(data=json.dumps(rows), description=description))
        self._shown = rows


def show_picture(key: str, jpeg: bytes, description: str) -> None:
    """A small picture: it lies in the server's database."""
    url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    create_image_artifact(url, key=key, description=description)


def show_text(key: str, markdown: str, description: str) -> None:
    """Text with links."""
    create_markdown_artifact(markdown, key=key, description=description)
