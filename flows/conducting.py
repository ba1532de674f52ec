"""Range by range: split and upload beside the flow, paint on the cluster, with bounds on what is under way."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows.spending import Afford
from flows.submitting import Painting
from restyle.domain import FrameRange
from restyle.errors import BudgetReached
from restyle.ledger import BatchRecord
from restyle.media.decode import FrameDecoder
from restyle.media.options import OutputOptions
from restyle.plan import Plan, cut_ranges
from tasks.splitting import split_frames, upload_frames
from tasks.watching import watching

RANGE_BATCHES = 2
"""Batches per range: at most two ranges of images lie in the local spool."""


def paint_ranges(
    plan: Plan,
    output: OutputOptions,
    decoder: FrameDecoder,
    folder: Path,
    trusted: frozenset[int],
    in_flight: int,
    afford: Afford | None,
) -> list[BatchRecord]:
    """Split, upload, paint and encode every range, one beside the other; or let workers do all of it by themselves.

    trusted: indices of batches that are painted already. in_flight: batches submitted and not ended, at most. Raises
    BudgetReached, once what is in flight has ended, where `afford` does.
    """
    painting = Painting(plan, output, max(in_flight, RANGE_BATCHES), trusted, afford)
    try:
        beside: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=2)
        with beside, watching() as require_wanted:
            if plan.job.look.direct:
                _feed_directly(painting, decoder, folder, require_wanted)
            else:
                _feed(painting, beside, cut_ranges(plan.batches, RANGE_BATCHES), decoder, folder, require_wanted)
    except BudgetReached as error:
        painting.wait()
        raise BudgetReached(f"{error}; {len(painting.records)} of {len(plan.batches)} batches are painted") from error
    except Exception:
        painting.wait()  # what is being painted is not lost
        raise
    return painting.outcome()


def _feed(
    painting: Painting,
    beside: ThreadPoolTaskRunner[Any],
    ranges: Iterable[FrameRange],
    decoder: FrameDecoder,
    folder: Path,
    require_wanted: Callable[[], None],
) -> None:
    uploading: list[tuple[FrameRange, PrefectFuture[Any]]] = []
    missing = [batch for batch in painting.plan.batches if batch.index not in painting.trusted]
    for span in ranges:
        common = {
            "job": painting.plan.job,
            "span": span,
            "folder": folder / f"range-{span.index}",
            "needed": painting.plan.needs(span, missing),
        }
        split = beside.submit(split_frames, {**common, "decoder": decoder})
        split.result()
        if uploading:
            painting.submit(*uploading.pop(), require_wanted)
        uploading.append((span, beside.submit(upload_frames, common, wait_for=[split])))
    painting.submit(*uploading.pop(), require_wanted)


def _feed_directly(painting: Painting, decoder: FrameDecoder, folder: Path, require_wanted: Callable[[], None]) -> None:
    """Workers decode for themselves: the two steps are shown as what they are here."""
    job, (whole,) = painting.plan.job, cut_ranges(painting.plan.batches, len(painting.plan.batches))
    split_frames(job, decoder, whole, folder, needed=False, return_state=True)
    upload_frames(job, whole, folder, needed=False, return_state=True)
    for span in cut_ranges(painting.plan.batches, 1):
        painting.submit(span, None, require_wanted)
