"""The flow that looks once for what was dropped into the data store, and the watcher that looks all the time.

``python -m flows.watch_store`` watches until SIGTERM; any number of watchers and runs of the flow may work at once.
"""

import argparse
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from flows.request import title
from flows.sweeping import attending, sweep
from restyle.errors import OrderRefused, RestyleError, ServerUnavailable
from restyle.order import VideoOrder
from restyle.sensor import Sensor, StartedRun, Sweep
from restyle.sensor.drops import container_of
from restyle.sensor.sensor import MOST, Start
from restyle.settings import Settings
from restyle.storage import Store
from tasks.stores import open_stores

DEPLOYMENT = "stylize-video/stylize-video"
TAG = "dropped"
EVERY_S = 10.0
SWEEP_ALSO_S = 3600.0  # beside a queue: Event Grid gives up on what it could not deliver for a day
TIDY_S = 30.0
# What the server answers to parameters that the deployment's schema does not allow: no later try can do better.
_NOT_ALLOWED = frozenset({409, 422})

log = logging.getLogger("flows.watch_store")  # also where this module is the program


@flow(name="watch-store", persist_result=False)
@attending()
def watch_store(deployment: str = DEPLOYMENT, still_s: float = EVERY_S, most: int = MOST) -> Sweep:
    """Look once for triggers and for videos in the inbox, and start a run for each that is new.

    Args:
        deployment: What is run for each video, as FLOW/DEPLOYMENT.
        still_s: In a folder, for how many seconds a file must not have changed to count as whole.
        most: How many are handled in this look; the others wait for the next.
    """
    stores = open_stores()
    swept = Sensor(stores.data, stores.control, starting(deployment), still_s, most).sweep()
    log.info("looked at the store: %s", swept)
    return swept


def watch(
    every_s: float = EVERY_S,
    deployment: str = DEPLOYMENT,
    over: threading.Event | None = None,
    alive: Path | None = None,
) -> None:
    """Look at the store every so many seconds until `over` is set, whatever goes wrong in between.

    Beside that, runs whose processes are gone are ended, as no other run's end may come for hours.
    Where RESTYLE_EVENT_QUEUE names a queue, that is looked at instead, and the store itself only once an hour.
    alive: a file that is touched after every look, so that whoever watches the watcher sees when it hangs.
    """
    over = over or threading.Event()
    stores = open_stores()
    sensor = Sensor(stores.data, stores.control, starting(deployment), still_s=every_s)
    news = _queue(sensor, stores.data, deployment)
    log.info("watching triggers/ and inbox/ of %s every %g s", stores.data, every_s)
    swept_at = tidied_at = -math.inf
    while not over.is_set():
        more = False
        if time.monotonic() - tidied_at > TIDY_S:
            tidied_at = time.monotonic()
            sweep()
        if news is None or time.monotonic() - swept_at > SWEEP_ALSO_S:
            swept_at = time.monotonic()
            more = _safely(partial(_sweep, sensor))
        if news is not None:
            more |= _safely(news)
        if alive:
            alive.touch()
        over.wait(0 if more else every_s)


def _queue(sensor: Sensor, data: Store, deployment: str) -> Callable[[], bool] | None:
    """What listens to the queue of events, where there is one."""
    spec = Settings().event_queue.get_secret_value()
    if not spec:
        return None
    # Imported here, since most stores have no queue.
    from restyle.sensor.events import listen  # noqa: PLC0415
    from restyle.storage.queue import open_queue  # noqa: PLC0415

    queue, container = open_queue(spec), container_of(data)
    log.info("told by %s", queue)

    def hear() -> bool:
        require_deployment(deployment)  # else every message would lose a try
        heard = listen(sensor, queue, container)
        return heard.handled > 0

    return hear


def _sweep(sensor: Sensor) -> bool:
    swept = sensor.sweep()
    if swept != Sweep():
        log.info("looked at the store: %s", swept)
    return swept.left > 0 and swept.failed == 0


def _safely(look: Callable[[], bool]) -> bool:
    """Look once; whether another look at once would find more. No error ends the watcher."""
    try:
        return look()
    except RestyleError as error:
        log.warning("could not look, and will again: %s", error)
    except Exception:
        log.exception("could not look, and will again")
    return False


def require_deployment(deployment: str) -> None:
    """Raises ServerUnavailable unless the server answers and knows the deployment."""
    with _explained(deployment), get_client(sync_client=True) as client:
        client.read_deployment_by_name(deployment)


def starting(deployment: str) -> Start:
    """How the sensor starts a run of this deployment on the Prefect server."""

    def start(order: VideoOrder, drop_id: str) -> StartedRun:
        with _explained(deployment):
            run = run_deployment(
                deployment,
                parameters=order.parameters(),
                flow_run_name=title(order.video, order.style or order.painting or ""),
                timeout=0,
                as_subflow=False,
                idempotency_key=f"restyle-{drop_id}",
                tags=[TAG],
            )
        assert isinstance(run, FlowRun)  # and no coroutine: this is no async code
        return StartedRun(run_id=str(run.id), name=run.name)

    return start


@contextmanager
def _explained(deployment: str) -> Iterator[None]:
    """Turn what the server says no with into OrderRefused, or ServerUnavailable where another try may succeed."""
    try:
        yield
    except ObjectNotFound as error:
        raise ServerUnavailable(f"the Prefect server has no deployment {deployment}; make it there") from error
    except PrefectHTTPStatusError as error:
        raise _refusal(error) from error
    except httpx.HTTPError as error:
        raise ServerUnavailable(f"the Prefect server does not answer ({type(error).__name__}); start it") from error


def _refusal(error: PrefectHTTPStatusError) -> RestyleError:
    status = error.response.status_code
    detail = ""
    with suppress(ValueError, AttributeError):
        detail = str(error.response.json().get("detail", ""))[:500]
    if status in _NOT_ALLOWED:
        return OrderRefused(f"the Prefect server takes no such run ({status}): {detail}")
    return ServerUnavailable(f"the Prefect server did not take the run ({status}): {detail}")


def main() -> None:
    """Watch until SIGTERM or SIGINT, which let what is under way end."""
    parser = argparse.ArgumentParser(prog="python -m flows.watch_store", description=__doc__)
    parser.add_argument("--every", type=float, default=EVERY_S, metavar="SECONDS")
    parser.add_argument("--deployment", default=DEPLOYMENT, metavar="FLOW/DEPLOYMENT")
    parser.add_argument("--alive", type=Path, metavar="FILE", help="touched after every look")
    options = parser.parse_args()
    # By force, since Prefect has set up logging when it was imported.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", force=True)
    for name in ("flows", "restyle"):
        logging.getLogger(name).setLevel(logging.INFO)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        watch(options.every, options.deployment, over, options.alive)
    except RestyleError as error:
        raise SystemExit(f"the store cannot be watched: {error}") from None


if __name__ == "__main__":
    main()
