"""Who can reach what listens: this machine alone unless told otherwise, by password and certificate where wished."""

import base64
import copy
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dask
import pytest
from distributed import Client
from distributed.security import Security

from flows.cluster import choose_cluster, own_cluster
from restyle.chaos.subject import await_that
from restyle.errors import BadSetting
from restyle.media.probe import probe_video
from tests.flows.conftest import FRAMES, clip
from tests.security.certificates import make_certificates
from tests.team import Team

__all__ = ["clip"]

PASSWORD = "restyle:planted0password"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """`restyle up` with a password and certificates: one setting each."""
    home = tmp_path_factory.mktemp("guarded")
    certificates = make_certificates(home / "tls")
    guarded = {"PREFECT_SERVER_API_AUTH_STRING": PASSWORD, "RESTYLE_DASK_TLS": str(certificates)}
    team = Team(home, environment=guarded)
    try:
        team.start()
        yield team
    finally:
        if team.process and team.process.poll() is None:
            team.stop()


def listening(team: Team) -> dict[tuple[str, int], str]:
    """Where processes of this home listen: address and port, and the command line."""
    sockets: dict[str, str] = {}
    for pid, words in team.processes().items():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                sockets[str(link.readlink())] = words
    found = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            columns = line.split()
            owner = sockets.get(f"socket:[{columns[9]}]")
            if columns[3] == "0A" and owner:  # LISTEN
                address, port = columns[1].split(":")
                found[address, int(port, 16)] = owner
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_everything_listens_on_loopback(team: Team) -> None:
    found = listening(team)
    assert {address for address, _ in found} == {"0100007F"}, found
    owners = " ".join(found.values())
    assert "prefect server start" in owners
    assert "flows.warm_cluster" in owners
    assert team.port in {port for _, port in found}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_page_of_another_site_may_speak_to_the_server(team: Team) -> None:
    def allowed(origin: str) -> str | None:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        request = urllib.request.Request(f"{team.url}/flow_runs/filter", headers=asked, method="OPTIONS")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                found: str | None = answer.headers.get("Access-Control-Allow-Origin")
        except urllib.error.HTTPError as error:
            with error:
                found = error.headers.get("Access-Control-Allow-Origin")
        return found

    assert allowed(f"http://127.0.0.1:{team.port}") == f"http://127.0.0.1:{team.port}"
    assert allowed("https://elsewhere.example") is None
    assert allowed("http://127.0.0.1:1") is None


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_dashboard_asks_for_the_password_and_a_dropped_video_is_painted(team: Team, clip: Path) -> None:
    for path, headers in (
        ("/flow_runs/filter", {}),
        ("/flow_runs/filter", {"Authorization": "Basic " + base64.b64encode(b"restyle:wrong").decode()}),
        ("/block_documents/filter", {}),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked = urllib.request.Request(f"{team.url}{path}", b"{}", {"Content-Type": "application/json", **headers})
            urllib.request.urlopen(asked, timeout=60)
        refused.value.close()
        assert refused.value.code == 401
    (team.home / "data/inbox/starry_night/small.mp4").write_bytes(clip.read_bytes())
    await_that(lambda: bool(team.outputs()), 400)
    (painted,) = team.outputs()
    assert probe_video(painted).frame_count == FRAMES
    assert PASSWORD not in team.said
    assert not [path for path in (team.home / "up/logs").iterdir() if PASSWORD.encode() in path.read_bytes()]
    assert not [words for words in team.processes().values() if PASSWORD in words]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_scheduler_speaks_tls_and_lets_in_who_has_a_certificate(team: Team, tmp_path: Path) -> None:
    (port,) = {port for (_, port), words in listening(team).items() if _is_scheduler(port, words)}
    address, tls = f"tls://127.0.0.1:{port}", team.home / "tls"
    with Client(address, security=_security(tls), timeout=60) as client:
        assert client.scheduler_info()["workers"]
        assert all(worker.startswith("tls://") for worker in client.scheduler_info()["workers"])
    stranger = make_certificates(tmp_path / "stranger")
    for wrong, security in ((f"tcp://127.0.0.1:{port}", None), (address, _security(stranger))):
        with pytest.raises((OSError, TimeoutError)):
            Client(wrong, security=security, timeout=5)


def test_a_folder_without_certificates_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_DASK_TLS", str(tmp_path))
    with pytest.raises(BadSetting, match=r"RESTYLE_DASK_TLS: .* has no ca.pem and no cert.pem and no key.pem"):
        choose_cluster("local", 1)


def _is_scheduler(port: int, words: str) -> bool:
    return f"flows.warm_cluster --port {port}" in words


def _security(folder: Path) -> Security:
    certificate, key = str(folder / "cert.pem"), str(folder / "key.pem")
    return Security(
        tls_ca_file=str(folder / "ca.pem"), tls_client_cert=certificate, tls_client_key=key, require_encryption=True
    )


@pytest.fixture
def config() -> Iterator[None]:
    """Dask's settings, of this process, as they were before."""
    before = copy.deepcopy(dask.config.config)
    yield
    dask.config.config.clear()
    dask.config.config.update(before)


def test_a_cluster_of_our_own_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: None) -> None:
    monkeypatch.setenv("RESTYLE_DASK_TLS", str(make_certificates(tmp_path / "tls")))
    with own_cluster(choose_cluster("local", 1)) as cluster, Client(cluster) as client:
        assert cluster.scheduler_address.startswith("tls://127.0.0.1:")
        assert all(worker.startswith("tls://127.0.0.1:") for worker in client.scheduler_info()["workers"])
        assert client.submit(sum, (1, 2)).result(timeout=60) == 3
