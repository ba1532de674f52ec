"""Which Dask cluster a run gets: this machine, machines that come and go, or a scheduler that is already there."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import dask
import prefect_dask.client
import yaml
from distributed import Client, KilledWorker, LocalCluster
from distributed.client import FutureCancelledError
from distributed.utils import get_mp_context
from prefect_dask import DaskTaskRunner

from flows import clouds
from flows.keep_warm import KeepWarm
from flows.sending import context_without_secrets, run_task
from flows.trust import tls_of_dask
from models.runtime import core_count, device_count
from restyle.arguments import CLOUD_KINDS, CLUSTER_KINDS
from restyle.domain import Frozen
from restyle.errors import BadSetting
from restyle.settings import Settings

CONNECT_TIMEOUT_S = 10.0
CONNECT_DEPLOYED_S = 60.0
"""Nobody waits at a terminal, and a scheduler that died is started again; on a busy machine that takes a while."""
WARM_MINUTES = 5.0
"""Machines are paid by the minute and take some to come; a worker of this machine takes seconds."""

DASK_CONFIG = Path(__file__).with_name("dask.yaml")
"""What every scheduler and worker is told; one started by hand reads it where its variable DASK_CONFIG names it."""

_TOLD = yaml.safe_load(DASK_CONFIG.read_text())["distributed"]["nanny"]["pre-spawn-environ"]
WORKER_ENVIRONMENT: dict[str, str] = {name: value for name, value in _TOLD.items() if value is not None}
"""What a worker's process starts with, for others that are to be as fast."""

# prefect-dask has no hooks for it; every task of every run is sent, and run, by way of these names.
prefect_dask.client.serialize_context = context_without_secrets
prefect_dask.client.run_task_sync = run_task


class ClusterChoice(Frozen):
    """Where batches run: kind is one of CLUSTER_KINDS, or a scheduler's address."""

    kind: str
    workers: int
    """at most"""
    threads: int | None = None
    hosts: int = 1
    """machines that the workers are on, at most"""
    least: int | None = None
    """how far it shrinks where no batch waits; None for one that keeps its size, or that others look after"""
    warm_s: float = 0.0
    """before a worker that is idle goes"""

    @property
    def address(self) -> str | None:
        """The scheduler to connect to, where the cluster is not ours."""
        return None if self.kind in CLUSTER_KINDS else self.kind


def choose_cluster(wished: str, workers: int | None, within_s: float = CONNECT_TIMEOUT_S) -> ClusterChoice:
    """Resolve a kind of cluster or a scheduler's address, and the number of workers; 'auto' is 'cuda' or 'local'.

    Where RESTYLE_MAX_WORKERS is set, clusters grow and shrink. Raises BadSetting where there is no such device or
    package, or no scheduler answers within so many seconds. From here on this process speaks TLS with clusters where
    RESTYLE_DASK_TLS says so.
    """
    settings = Settings()
    if settings.dask_tls:
        dask.config.set(tls_of_dask(settings.dask_tls))
    most = workers or settings.max_workers
    if wished == "auto":
        wished = "cuda" if device_count() else "local"
    if wished in CLOUD_KINDS:
        clouds.require_package(wished)
        if most is None:
            raise BadSetting(f"--cluster {wished}: set RESTYLE_MAX_WORKERS, how many machines there may be at most")
    elif wished == "cuda":
        if not device_count():
            raise BadSetting("--cluster cuda: no CUDA device is visible here; use --cluster local or auto")
        most = min(most or device_count(), device_count())
    elif wished == "local":
        most = most or core_count()
    else:
        found, hosts = _count_workers(wished, within_s)
        return ClusterChoice(kind=wished, workers=workers or max(found, settings.max_workers or 1), hosts=max(1, hosts))
    threads = max(1, core_count() // most) if wished == "local" else None
    if settings.max_workers is None and wished not in CLOUD_KINDS:
        return ClusterChoice(kind=wished, workers=most, threads=threads)
    warm = WARM_MINUTES if settings.keep_warm_minutes is None else settings.keep_warm_minutes
    least = min(settings.min_workers or 0, most)
    hosts = most if wished in CLOUD_KINDS else 1
    return ClusterChoice(kind=wished, workers=most, threads=threads, hosts=hosts, least=least, warm_s=60 * warm)


def _count_workers(address: str, within_s: float) -> tuple[int, int]:
    """Workers of a scheduler, and the machines they are on."""
    try:
        with Client(address, timeout=within_s) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            return len(workers), len({worker["host"] for worker in workers})
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


@contextmanager
def starting(choice: ClusterChoice) -> Iterator[DaskTaskRunner]:
    """The runner of a flow that is about to begin: workers of this machine that are there all along start at once."""
    if choice.kind in ("local", "cuda") and choice.least is None:
        with own_cluster(choice) as cluster:
            yield DaskTaskRunner(address=cluster.scheduler_address)
    else:
        yield task_runner(choice)


def configured_choice() -> ClusterChoice:
    """What RESTYLE_CLUSTER names, for runs that nobody gives a --cluster."""
    return choose_cluster(Settings().cluster, None, CONNECT_DEPLOYED_S)


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


def in_turn(waiting: int) -> AbstractContextManager[Any]:
    """For a batch that is submitted while so many of its run wait or are at work: first goes whose run has fewer."""
    turn: AbstractContextManager[Any] = dask.annotate(priority=-waiting)
    return turn


@contextmanager
def own_cluster(choice: ClusterChoice, port: int = 0) -> Iterator[Any]:
    """A cluster that was chosen, which may grow and shrink; one of this machine has its scheduler at `port`."""
    ours = dask.config.merge(dask.config.config, yaml.safe_load(DASK_CONFIG.read_text()))
    with dask.config.set(ours), dask.config.set(_processes_here(choice)), _made(choice, port) as cluster:
        if choice.least is not None:
            with Client(cluster, set_as_default=False) as client:
                client.register_plugin(KeepWarm(choice.warm_s))
            cluster.adapt(minimum=choice.least, maximum=choice.workers)
        yield cluster


def _processes_here(choice: ClusterChoice) -> dict[str, Any]:  # as dask.config takes them
    """How workers that paint on this machine's processors begin.

    They are forked from a process that imported what they need: a new one is there at once, and they share that memory.
    """
    if choice.kind != "local":
        return {}
    begun: dict[str, Any] = {"distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": str(choice.threads)}
    if sys.platform == "linux":  # elsewhere, what the system itself brings does not survive a fork
        begun["distributed.worker.multiprocessing-method"] = "forkserver"
        with dask.config.set(begun):
            get_mp_context().set_forkserver_preload(["flows.preload"])
    return begun


def _made(choice: ClusterChoice, port: int) -> Any:
    """The cluster, a context manager; one worker per GPU, or per share of the cores, or per machine."""
    if choice.kind == "kubernetes":
        return clouds.kubernetes()
    if choice.kind == "azure-vm":
        return clouds.azure_vm()
    at_first = choice.workers if choice.least is None else choice.least
    common = {
        "scheduler_port": port,
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
        "threads_per_worker": 1,  # one batch at a time; torch has the threads
    }
    if choice.kind == "cuda":
        from dask_cuda import LocalCUDACluster  # noqa: PLC0415  (asks for a GPU when imported beside none)

        return LocalCUDACluster(n_workers=max(1, at_first), **common)  # it refuses to begin with none
    return LocalCluster(n_workers=at_first, memory_limit=0, silence_logs=40, **common)
