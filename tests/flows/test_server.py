"""The private Prefect server, and who can reach it."""

import json
import os
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.server import answers, past_proxies, prefect_api, require_within_reach
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


def test_a_server_of_this_machine_is_reached_where_all_else_goes_by_a_proxy(
    monkeypatch: pytest.MonkeyPatch, server: str, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nothing listens
    assert answers(server)
    assert not answers(server.replace("127.0.0.1", "192.0.2.1"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "example.org")
    assert past_proxies() == dict.fromkeys(("no_proxy", "NO_PROXY"), "example.org,127.0.0.1,localhost")
    monkeypatch.setenv("PREFECT_API_URL", server)
    with prefect_api(tmp_path) as api:
        api.await_ready()
        assert os.environ["no_proxy"] == "example.org,127.0.0.1,localhost"  # for Prefect's own client


@pytest.mark.parametrize("cluster", ["auto", "local", "cuda", "tcp://127.0.0.1:8786", "tcp://localhost:8786"])
def test_a_cluster_of_this_machine_needs_none(cluster: str) -> None:
    require_within_reach(cluster)


def test_what_many_write_at_once_is_refused_to_none_of_them(server: str) -> None:
    flow = _ask(server, "/flows/", {"name": "many"})["id"]

    def label(number: int) -> None:
        run = _ask(server, "/flow_runs/", {"flow_id": flow, "state": {"type": "PENDING"}})["id"]
        for step in range(3):
            _ask(server, f"/flow_runs/{run}/labels", {"number": number, "step": step}, "PATCH")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(label, range(60)))


def _ask(server: str, path: str, body: dict[str, Any], method: str = "POST") -> Any:  # whatever the API answers
    """Ask once; raises HTTPError for a refusal, of which Prefect's own clients stand five."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(server + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.loads(answer.read() or "null")
