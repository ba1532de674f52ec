"""Which Dask cluster a run gets: the GPUs of this machine, its cores, or a scheduler that is already there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import prefect_dask.client
import yaml
from distributed import Client, KilledWorker, LocalCluster
from distributed.client import FutureCancelledError
from prefect_dask import DaskTaskRunner

from flows.trust import context_without_secrets, tls_of_dask
from models.runtime import core_count, device_count
from restyle.domain import Frozen
from restyle.errors import BadSetting
from restyle.settings import Settings

CONNECT_TIMEOUT_S = 10

DASK_CONFIG = Path(__file__).with_name("dask.yaml")
"""What every scheduler and worker is told; one started by hand reads it where its variable DASK_CONFIG names it."""

HUGE_PAGES = (
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:"
    "glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456"
)
"""Keeps large activations mapped between frames; without it they are unmapped and faulted in again each time."""


# prefect-dask has no hook for it; every task of every run is sent by way of this name.
prefect_dask.client.serialize_context = context_without_secrets


class ClusterChoice(Frozen):
    """Where batches run: kind is 'cuda', 'local' or a scheduler's address."""

    kind: str
    workers: int
    threads: int | None
    hosts: int = 1

    @property
    def address(self) -> str | None:
        """The scheduler to connect to, where the cluster is not ours."""
        return None if self.kind in ("cuda", "local") else self.kind


def choose_cluster(wished: str, workers: int | None) -> ClusterChoice:
    """Resolve 'auto', 'cuda', 'local' or a scheduler's address, and the number of workers.

    Raises BadSetting where there is no such device or no scheduler answers. From here on this process speaks TLS with
    clusters where RESTYLE_DASK_TLS says so.
    """
    if folder := Settings().dask_tls:
        dask.config.set(tls_of_dask(folder))
    if wished == "auto":
        wished = "cuda" if device_count() else "local"
    if wished == "cuda":
        if not device_count():
            raise BadSetting("--cluster cuda: no CUDA device is visible here; use --cluster local or auto")
        return ClusterChoice(kind="cuda", workers=min(workers or device_count(), device_count()), threads=None)
    if wished == "local":
        count = workers or core_count()
        return ClusterChoice(kind="local", workers=count, threads=max(1, core_count() // count))
    found, hosts = _count_workers(wished)
    return ClusterChoice(kind=wished, workers=workers or found, threads=None, hosts=hosts)


def _count_workers(address: str) -> tuple[int, int]:
    """Workers of a scheduler, and the machines they are on; one of each where they are still to come."""
    try:
        with Client(address, timeout=CONNECT_TIMEOUT_S) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            return max(1, len(workers)), max(1, len({worker["host"] for worker in workers}))
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise BadSetting(f"--cluster {address}: no Dask scheduler answers there ({error})") from error


def worker_died(error: BaseException) -> bool:
    """Whether a task came to nothing because the workers that had it, or the whole cluster, were lost."""
    return isinstance(error, KilledWorker | FutureCancelledError)


def task_runner(choice: ClusterChoice) -> DaskTaskRunner:
    """The runner of a flow's mapped tasks; the cluster starts at the first task and ends with the flow."""
    if choice.address:
        return DaskTaskRunner(address=choice.address)
    return DaskTaskRunner(cluster_class=own_cluster, cluster_kwargs={"choice": choice})


def configured_choice() -> ClusterChoice:
    """What RESTYLE_CLUSTER names, for runs that nobody gives a --cluster."""
    return choose_cluster(Settings().cluster, None)


def configured_task_runner() -> DaskTaskRunner:
    """The runner of a deployed flow: nothing is decided until the first task asks for its cluster."""
    return DaskTaskRunner(cluster_class=configured_cluster)


@contextmanager
def configured_cluster() -> Iterator[Any]:
    """A cluster as RESTYLE_CLUSTER says: the address of one that runs already, or one of our own."""
    choice = configured_choice()
    if choice.address:
        yield choice.address
    else:
        with own_cluster(choice) as cluster:
            yield cluster


@contextmanager
def own_cluster(choice: ClusterChoice, port: int = 0) -> Iterator[Any]:
    """A cluster of this machine: one worker per GPU, or one per share of the cores; its scheduler at `port`."""
    with dask.config.set(dask.config.merge(dask.config.config, yaml.safe_load(DASK_CONFIG.read_text()))):
        if choice.kind == "cuda":
            from dask_cuda import LocalCUDACluster  # noqa: PLC0415  (asks for a GPU when imported beside none)

            cluster = LocalCUDACluster(
                n_workers=choice.workers,
                threads_per_worker=1,  # one batch at a time
                scheduler_port=port,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
            )
        else:
            cluster = LocalCluster(
                n_workers=choice.workers,
                scheduler_port=port,
                threads_per_worker=1,  # one batch at a time; torch has the threads
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                silence_logs=40,
                env={"GLIBC_TUNABLES": HUGE_PAGES, "OMP_NUM_THREADS": str(choice.threads)},
            )
        with cluster:
            yield cluster
