"""What Azure adds to the contract: rights, pages, connections, faults of the network. All on a real Azurite."""

import ipaddress
import logging
import pickle
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from restyle.azurite import ACCOUNT_KEY
from restyle.chaos.proxy import Fault, FaultyProxy, faulty_proxy
from restyle.errors import AccessDenied, BlobExists, BlobNotFound, StorageError, StoreUnavailable, is_transient
from restyle.storage import Store, Timeouts, azure, open_store
from tests.azurite import Azurite, running_azurite
from tests.storage.faults import deaf_server

HASTY = Timeouts(connect_s=2, idle_s=0.4, attempt_s=1.2, attempts=1)
PATIENT = Timeouts(pause_s=0.1)
MIB = 1 << 20


@pytest.fixture(scope="module")
def proxy(azurite: Azurite) -> Iterator[FaultyProxy]:
    with faulty_proxy(azurite.url) as running:
        yield running


@pytest.fixture
def faulty(azurite: Azurite, proxy: FaultyProxy, container: str) -> Iterator[Store]:
    """A store behind the proxy, its container made."""
    store = open_store(proxy.through(azurite.connection_string(container)), timeouts=PATIENT)
    store.write("first", b"")
    yield store
    proxy.next_answers()


@pytest.fixture
def full(azurite: Azurite, container: str) -> Store:
    """A store with all rights, its container made, two blobs in it."""
    store = open_store(azurite.connection_string(container))
    store.write("a", b"data")
    store.write("b", b"data")
    return store


def deeds(store: Store, tmp_path: Path) -> dict[str, Callable[[], object]]:
    """Every method, on blobs 'a' and 'b' that are there and on new ones."""
    return {
        "stat": lambda: store.stat("a"),
        "read": lambda: store.read("a"),
        "download": lambda: store.download("a", tmp_path / "a"),
        "list": lambda: list(store.list()),
        "create": lambda: store.create(f"new-{time.monotonic_ns()}", b"x"),
        "write": lambda: store.write("b", b"y"),
        "stream": lambda: store.write("b", b"y" * (9 * MIB)),
        "delete": lambda: store.delete("b"),
    }


@pytest.mark.parametrize(
    ("rights", "may"),
    [
        ("r", {"stat", "read", "download"}),
        ("l", {"list"}),
        ("c", {"create"}),
        ("w", {"create", "write", "stream"}),
        ("d", {"delete"}),
        ("rl", {"stat", "read", "download", "list"}),
    ],
)
def test_a_sas_can_do_what_its_rights_say_and_a_missing_one_is_named(
    azurite: Azurite, full: Store, container: str, rights: str, may: set[str], tmp_path: Path
) -> None:
    spec = azurite.container_url(container, rights)
    for name, call in deeds(open_store(spec), tmp_path).items():
        if name in may:
            call()
            continue
        with pytest.raises(AccessDenied, match=r"a SAS needs '[rlcwd]' \(\w+\)"):
            call()


def without_secrets(error: BaseException, *secrets: str) -> None:
    """No secret in the error, in its traceback, in what it came from."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(pickle.dumps(error))
    seen: BaseException | None = error
    while seen is not None:
        shown += repr(seen) + repr(vars(seen))
        seen = seen.__cause__ or seen.__context__
    assert [secret for secret in secrets if secret in shown] == []


def test_no_signature_reaches_errors_logs_names_or_pickles(
    azurite: Azurite, proxy: FaultyProxy, full: Store, container: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    spec = proxy.through(azurite.container_url(container, "rl"))
    signature = parse_qs(urlsplit(spec).query)["sig"][0]
    quoted = spec.partition("sig=")[2].partition("&")[0]
    wrong = f"{spec.partition('sig=')[0]}sig=planted%2Fsecret%3D"
    secrets = (signature, quoted, "planted%2Fsecret", "planted/secret")
    hastier = HASTY.model_copy(update={"idle_s": 0.1})
    faults: list[Fault] = ["none", "drop", "lose", "truncate", "503", "silence"]
    for fault in faults:
        proxy.choose = lambda *_, fault=fault: fault
        for store in (open_store(spec, timeouts=hastier), open_store(wrong, timeouts=hastier)):
            for call in deeds(store, tmp_path).values():
                try:
                    call()
                except StorageError as error:
                    without_secrets(error, *secrets)
            with pytest.raises(TypeError, match="secret"):
                pickle.dumps(store)
            assert [secret for secret in secrets if secret in repr(store) + store.url("a") + str(vars(store))] == []
    proxy.next_answers()
    assert "sig=***" in caplog.text, "urllib3 logged no address: this test would see nothing"
    assert [secret for secret in secrets if secret in caplog.text] == []


def test_a_wrong_signature_and_a_wrong_key_are_told_apart_from_a_missing_right(
    azurite: Azurite, full: Store, container: str
) -> None:
    spec = azurite.container_url(container, "rwl")
    wrong_key = azurite.connection_string(container).replace(ACCOUNT_KEY, "bm90IHRoZSBrZXk=")
    for bad in (f"{spec.partition('sig=')[0]}sig=bm90IHJpZ2h0", wrong_key):
        with pytest.raises(AccessDenied, match="does not accept the credentials"):
            open_store(bad).read("a")


def test_a_sas_that_ended_says_when(azurite: Azurite, full: Store, container: str) -> None:
    store = open_store(azurite.container_url(container, "r", lifetime=timedelta(minutes=-5)))
    with pytest.raises(AccessDenied, match=r"the SAS ended at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"):
        store.read("a")


def test_reading_makes_no_container_and_writing_makes_one(azurite: Azurite, container: str) -> None:
    store = open_store(azurite.connection_string(container))
    assert list(store.list()) == []
    with pytest.raises(BlobNotFound, match="no such container"):
        store.read("k")
    with pytest.raises(AccessDenied, match="no such container, and no right to make it"):
        open_store(azurite.container_url(container, "rwdl")).write("k", b"x")
    with pytest.raises(BlobNotFound, match="no such container"):
        store.read("k")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: store.write(f"k{index}", b"x"), range(8)))
    assert len(list(store.list())) == 8


def test_a_listing_asks_for_a_page_when_it_needs_it(
    faulty: Store, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure, "PAGE_BLOBS", 7)
    names = sorted(f"frames/{index:03d}" for index in range(40))
    for name in names:
        faulty.write(name, b"x")
    proxy.requests.clear()
    listing = faulty.list("frames/")
    assert [next(listing).key for _ in range(7)] == names[:7]
    assert len(proxy.requests) == 1
    assert [blob.key for blob in listing] == names[7:]
    assert len(proxy.requests) == 6


def test_threads_share_as_many_connections_as_there_are_threads(
    azurite: Azurite, proxy: FaultyProxy, full: Store, container: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store = open_store(proxy.through(azurite.connection_string(container)), connections=16)
    proxy.connections.clear()
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: store.read("a"), range(200))) == {b"data"}
    assert len(proxy.connections) <= 16
    assert "pool is full" not in caplog.text


@pytest.mark.parametrize("fault", ["drop", "lose", "truncate", "503", "flip"])
def test_a_broken_answer_is_asked_for_again(faulty: Store, proxy: FaultyProxy, fault: Fault, tmp_path: Path) -> None:
    data = bytes(range(256)) * (5 * MIB // 256)
    proxy.next_answers(fault, method="PUT")
    faulty.write("k", data)
    proxy.next_answers("none", fault, method="GET")
    proxy.requests.clear()
    faulty.download("k", tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == data
    assert [fault for _, _, fault in proxy.requests] == ["none", fault, "none"], "only the broken range is repeated"
    if fault != "flip":  # no checksum guards a listing
        proxy.next_answers(fault, method="GET")
        assert [blob.key for blob in faulty.list()] == ["first", "k"]


def test_a_flipped_bit_is_never_handed_on(azurite: Azurite, proxy: FaultyProxy, faulty: Store, container: str) -> None:
    faulty.write("k", b"x" * 1000)
    proxy.choose = lambda method, path: "flip"
    hasty = open_store(proxy.through(azurite.connection_string(container)), timeouts=HASTY)
    with pytest.raises(StoreUnavailable):
        hasty.read("k")


def test_a_conditional_write_whose_answer_was_lost_knows_its_own_blob(faulty: Store, proxy: FaultyProxy) -> None:
    proxy.next_answers("lose", method="PUT")
    created = faulty.create("once", b"mine")
    assert created == faulty.stat("once")
    proxy.next_answers("lose", method="PUT")
    replaced = faulty.replace("once", b"mine too", created.etag)
    assert faulty.read("once") == b"mine too"
    assert replaced == faulty.stat("once")
    with pytest.raises(BlobExists):
        faulty.create("once", b"mine")


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return paths


def timed(call: Callable[[], object]) -> float:
    """Seconds until the call gave up as it should."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        call()
    assert is_transient(caught.value)
    return time.monotonic() - began


@pytest.mark.parametrize("fault", ["silence", "trickle"])
def test_no_download_hangs(azurite: Azurite, proxy: FaultyProxy, faulty: Store, container: str, fault: Fault) -> None:
    faulty.write("k", b"x" * 100_000)
    proxy.choose = lambda method, path: fault
    store = open_store(proxy.through(azurite.connection_string(container)), timeouts=HASTY)
    assert timed(lambda: store.read("k")) < 10
    assert timed(lambda: list(store.list())) < 10


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """What a server needs to speak https, trusted by the client; None for plain http."""
    if request.param == "http":
        return None
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize("reads_each_s", [None, 0.01])
def test_no_upload_hangs_on_a_server_that_hardly_reads(tls: ssl.SSLContext | None, reads_each_s: float | None) -> None:
    with deaf_server(reads_each_s, tls) as port:
        spec = f"{'https' if tls else 'http'}://127.0.0.1:{port}/account/data?sig=x"
        store = open_store(spec, timeouts=HASTY.model_copy(update={"idle_s": 1}))
        assert timed(lambda: store.write("k", b"x" * (8 * MIB - 1))) < 10
        assert timed(lambda: store.write("k", b"x" * (20 * MIB))) < 10
        assert timed(lambda: store.stat("k")) < 10


def test_an_upload_may_pause_for_longer_than_connecting_may_take(tls: ssl.SSLContext | None) -> None:
    with deaf_server(None, tls) as port:
        spec = f"{'https' if tls else 'http'}://127.0.0.1:{port}/account/data?sig=x"
        store = open_store(spec, timeouts=Timeouts(connect_s=0.8, idle_s=1.6, attempt_s=5, attempts=1))
        assert timed(lambda: store.write("k", b"x" * (20 * MIB))) > 1.5


def test_a_store_out_of_reach_says_so() -> None:
    spec = f"http://127.0.0.1:9/account/data?{'sig=planted'}"
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
        open_store(spec, timeouts=HASTY).read("k")
    assert time.monotonic() - began < 15
    without_secrets(caught.value, "planted")


def test_tls_is_spoken_and_an_unknown_certificate_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    with running_azurite(tmp_path, more=["--cert", str(certificate), "--key", str(key)]) as running:
        spec = running.connection_string("data")
        assert running.url.startswith("https://")
        with pytest.raises(StoreUnavailable):
            open_store(spec, timeouts=HASTY).read("k")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # not for this machine
        store = open_store(spec)
        data = b"0123456789abcdef" * (9 * MIB // 16)
        store.write("k", data)
        assert store.read("k") == data
