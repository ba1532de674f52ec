"""Clusters of machines that come and go: through Dask's operator on Kubernetes, or as virtual machines at Azure."""

from importlib.util import find_spec
from typing import Any

import dask
from prefect.settings import get_current_settings

from restyle.errors import BadSetting
from restyle.settings import Settings
from restyle.storage.open import is_connection_string

PACKAGES = {"kubernetes": "dask_kubernetes", "azure-vm": "dask_cloudprovider"}
"""What each kind needs, which comes with the extra of its name."""
DASK_CLUSTER = "restyle"
"""The DaskCluster that deployments/kubernetes makes."""


def require_package(kind: str) -> None:
    """Raises BadSetting where the packages of this kind are not installed."""
    if find_spec(PACKAGES[kind]) is None:
        raise BadSetting(f"--cluster {kind}: its packages are not installed; pip install 'restyle[{kind}]'")


def kubernetes() -> Any:  # a KubeCluster
    """The DaskCluster that Dask's settings name (`kubernetes.name`), made where they also say of what.

    It outlives the run: others share it. Raises BadSetting where it cannot be reached.
    """
    import kr8s  # noqa: PLC0415  (what dask-kubernetes speaks to Kubernetes with)
    from dask_kubernetes.operator import KubeCluster  # noqa: PLC0415  (an extra)
    from dask_kubernetes.operator.kubecluster.kubecluster import CreateMode  # noqa: PLC0415

    dask.config.update_defaults({"kubernetes": {"name": DASK_CLUSTER}})  # over the package's own, under what users set
    name = dask.config.get("kubernetes.name")
    # One of Dask's own making has images without restyle.
    described = dask.config.get("kubernetes.custom-cluster-spec")
    mode = CreateMode.CREATE_OR_CONNECT if described else CreateMode.CONNECT_ONLY
    try:
        kr8s.api()  # without credentials a KubeCluster complains again at exit
        return KubeCluster(name=name, create_mode=mode, shutdown_on_close=False, quiet=True)
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"--cluster kubernetes: no DaskCluster {name!r} ({error}); see deployments/kubernetes"
        ) from error


def azure_vm() -> Any:  # an AzureVMCluster
    """A scheduler on a machine of its own, workers on others, as Dask's settings describe them. They end with the run.

    Raises BadSetting for what is not set.
    """
    from dask_cloudprovider.azure import AzureVMCluster  # noqa: PLC0415  (an extra)
    from dask_cloudprovider.exceptions import ConfigError  # noqa: PLC0415

    try:
        return AzureVMCluster(**azure_arguments())
    except ConfigError as error:
        raise BadSetting(
            f"--cluster azure-vm: {error}; set what Dask's settings have under cloudprovider.azure"
        ) from error


def azure_arguments() -> dict[str, Any]:
    """What a cluster of machines is made with, besides Dask's settings."""
    one_batch_at_a_time = {"nthreads": 1, "memory_limit": 0}
    return {"env_vars": machine_environment(), "worker_options": one_batch_at_a_time, "silence_logs": 40}


def machine_environment() -> dict[str, str]:
    """What a worker on another machine must know: written into the machine's description, which others may read.

    Raises BadSetting for stores that it could not open, or whose name holds a secret.
    """
    settings = Settings()
    stores = {"RESTYLE_DATA_STORE": settings.data_store, "RESTYLE_CONTROL_STORE": settings.control_store}
    environment = {name: store.get_secret_value() for name, store in stores.items()}
    for name, store in environment.items():
        if store.startswith("file:") or is_connection_string(store) or "?" in store:
            raise BadSetting(
                f"{name}: --cluster azure-vm takes a store that the machines' own identity opens, without key or SAS: "
                "https://ACCOUNT.blob.core.windows.net/CONTAINER, or block:NAME"
            )
    return {**environment, "PREFECT_API_URL": str(get_current_settings().api.url)}
