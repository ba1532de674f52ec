"""Receipts: what came of each version of a blob that was dropped, kept in the control store."""

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime

from pydantic import Field

from restyle.domain import Frozen
from restyle.errors import BlobExists, BlobNotFound
from restyle.layout import RECEIPTS, receipt
from restyle.order import VideoOrder
from restyle.storage import BlobInfo, Store

FEW = 20


class StartedRun(Frozen):
    """A run as the server knows it."""

    run_id: str
    name: str


class Receipt(Frozen):
    """What came of a dropped blob: a run, or the reason why none."""

    blob: str
    version: str
    run: StartedRun | None = None
    order: VideoOrder | None = None
    reason: str | None = Field(default=None, description="why no run was started")
    written: datetime


class Receipts:
    """The receipts of a control store, each written once."""

    def __init__(self, control: Store) -> None:
        self._control = control

    def having(self, drop_ids: Collection[str]) -> set[str]:
        """Which of these have receipts: one listing for many, so that no sweep reads old ones one by one."""
        if len(drop_ids) > FEW:
            return {blob.key.removeprefix(RECEIPTS).removesuffix(".json") for blob in self._control.list(RECEIPTS)}
        return {drop_id for drop_id in drop_ids if self._has(drop_id)}

    def write(
        self,
        drop_id: str,
        blob: BlobInfo,
        *,
        run: StartedRun | None = None,
        order: VideoOrder | None = None,
        reason: str | None = None,
    ) -> None:
        """Put the receipt, unless another sensor was quicker with the same."""
        now = datetime.now(UTC)
        made = Receipt(blob=blob.key, version=blob.version, run=run, order=order, reason=reason, written=now)
        with suppress(BlobExists):
            self._control.create(receipt(drop_id), made.model_dump_json(indent=2, exclude_none=True).encode())

    def _has(self, drop_id: str) -> bool:
        try:
            self._control.stat(receipt(drop_id))
        except BlobNotFound:
            return False
        return True
