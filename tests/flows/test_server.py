"""The private Prefect server, and who can reach it."""

from pathlib import Path

import pytest

from flows.server import require_within_reach
from restyle.errors import BadSetting

ELSEWHERE = "tcp://192.0.2.1:8786"  # an address for documentation, which no machine has


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))


def test_a_scheduler_elsewhere_needs_a_server_that_its_workers_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match=r"192\.0\.2\.1.*set PREFECT_API_URL"):
        require_within_reach(ELSEWHERE)
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example:4200/api")
    require_within_reach(ELSEWHERE)


@pytest.mark.parametrize("cluster", ["auto", "local", "cuda", "tcp://127.0.0.1:8786", "tcp://localhost:8786"])
def test_a_cluster_of_this_machine_needs_none(cluster: str) -> None:
    require_within_reach(cluster)
