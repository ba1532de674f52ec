"""How many frames a batch holds, where nobody says so: chosen from what a frame and a batch cost."""

from math import ceil

from restyle.domain import Frozen

TASK_S = 0.25
"""Orchestration of a batch: what flow, server and worker spend on its two mapped tasks, on two cores."""
MOST_ORCHESTRATION = 0.02
"""Of the time; a batch is large enough for this, and no larger: what a failure loses is a batch."""
SERIAL_S = 0.05
"""Of that, what the flow and the server can only do one after another, for all workers: shorter batches than they can
keep up with would leave workers waiting, and slow down every run that shares the server (docs/scale.md)."""
LONGEST_BATCH_S = 60.0
LEAST_ROUNDS = 2
"""Batches per worker, so that one works while the other's frames arrive, and a slow worker does less."""
UNMEASURED = 24
"""Frames a batch where measuring would take as long as painting."""


class Cut(Frozen):
    """Frames per batch, and why."""

    batch_size: int
    reason: str


def choose_cut(frame_count: int, frame_s: float, workers: int) -> Cut:
    """The cut of a clip for so many workers, of which each takes frame_s seconds for a frame.

    Every worker gets the same number of batches, so that none waits for another at the end; unless so many workers are
    more than a clip this short can keep at work.
    """
    frame_s = max(frame_s, 1e-6)
    longest = max(1, int(LONGEST_BATCH_S / frame_s))
    worth = ceil(TASK_S * workers / MOST_ORCHESTRATION / frame_s)
    least = min(worth, longest, ceil(frame_count / (LEAST_ROUNDS * workers)))
    rounds = max(LEAST_ROUNDS, frame_count // (workers * least))
    if ceil(frame_count / (workers * rounds)) > longest:
        rounds += 1
    fed = min(ceil(SERIAL_S * workers / frame_s), longest, frame_count)
    size = max(fed, ceil(frame_count / (workers * rounds)))
    batch_s = size * frame_s
    return Cut(
        batch_size=size,
        reason=f"a frame takes {frame_s:.3g} s on each of {workers} workers, a batch of {size} frames {batch_s:.3g} s, "
        f"its orchestration {TASK_S * workers / batch_s:.1%} of that; {ceil(frame_count / size)} batches",
    )
