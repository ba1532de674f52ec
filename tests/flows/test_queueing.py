"""Batches wait with the scheduler, not on workers."""

import time
from collections.abc import Iterator
from typing import Any

import dask
import pytest
import yaml
from distributed import Client, Event, LocalCluster

from flows.cluster import DASK_CONFIG

WORKERS = 2


@pytest.fixture
def client() -> Iterator[Client]:
    """Of a cluster in this process, whose scheduler is told what ours are."""
    told = yaml.safe_load(DASK_CONFIG.read_text())["distributed"]["scheduler"]
    with (
        dask.config.set({f"distributed.scheduler.{name}": value for name, value in told.items()}),
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_even_the_first_batches_of_a_run_wait_with_the_scheduler(client: Client) -> None:
    go = Event("go")
    batches = [client.submit(go.wait, pure=False) for _ in range(2 * WORKERS)]
    while len(held := client.run_on_scheduler(_held)) < WORKERS:
        time.sleep(0.01)
    assert held == [1] * WORKERS
    go.set()
    assert client.gather(batches) == [True] * len(batches)


def _held(dask_scheduler: Any) -> list[int]:
    """Of each worker that has any: how many tasks it was given."""
    return [len(worker.processing) for worker in dask_scheduler.workers.values() if worker.processing]
