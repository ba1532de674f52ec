"""How long an optimisation will take: timed on a worker before the first batch, and said in words."""

from prefect import task

from models.gatys import seconds_per_step
from models.look import seen_size
from restyle.domain import FrameBatch
from restyle.plan import Plan
from tasks.painters import gatys_of
from tasks.retrying import RETRYING


@task(name="time-steps", task_run_name="time-steps", **RETRYING)
def time_steps(plan: Plan, batches: tuple[FrameBatch, ...]) -> str:
    """Take a few steps of Gatys' method on a worker, and say what these batches will take."""
    gatys = gatys_of(plan.job.style, plan.numeric)
    one = seconds_per_step(gatys, plan.numeric, *seen_size(plan.height, plan.width, plan.job.look.stroke))
    first, following = gatys.recipe.first_steps, gatys.recipe.next_steps
    steps = sum(first + following * (batch.stop - plan.first_seen(batch) - 1) for batch in batches)
    return (
        f"every frame is optimised: about {spoken(following * one)} for each, {spoken(first * one)} where a batch "
        f"begins, {spoken(steps * one)} of work in all, which the workers share"
    )


def spoken(seconds: float) -> str:
    """A duration in words, to two digits or so."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
