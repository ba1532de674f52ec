"""Which words name which store, and that no wrong word is repeated with its secret."""

from pathlib import Path

import pytest

from restyle.errors import BadSetting
from restyle.storage import open_store

KEY = "cGxhbnRlZC1zZWNyZXQ="
CONNECTION = f"AccountName=account;AccountKey={KEY};EndpointSuffix=core.windows.net;DefaultEndpointsProtocol=https"


def test_a_folder_is_named_by_its_address(tmp_path: Path) -> None:
    folder = tmp_path / "with space ü"
    store = open_store(folder.as_uri())
    assert store.url("a b") == str(folder / "a b")
    assert not folder.exists()
    assert open_store(f"file://localhost{tmp_path}").url("k") == str(tmp_path / "k")


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("https://account.blob.core.windows.net/videos", "https://account.blob.core.windows.net/videos/a%20b"),
        (
            "https://account.blob.core.windows.net/videos/?sv=1&sig=x",
            "https://account.blob.core.windows.net/videos/a%20b",
        ),
        ("http://127.0.0.1:10000/devstoreaccount1/data?sig=x", "http://127.0.0.1:10000/devstoreaccount1/data/a%20b"),
        (f"{CONNECTION};ContainerName=data", "https://account.blob.core.windows.net/data/a%20b"),
        (
            "BlobEndpoint=https://account.blob.core.windows.net;SharedAccessSignature=sv=1&sig=x;containername=data",
            "https://account.blob.core.windows.net/data/a%20b",
        ),
        ("UseDevelopmentStorage=true;ContainerName=data", "http://127.0.0.1:10000/devstoreaccount1/data/a%20b"),
    ],
)
def test_a_container_is_named_by_address_or_connection_string(spec: str, address: str) -> None:
    assert open_store(spec).url("a b") == address


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("", "not a store"),
        ("data", "not a store"),
        ("/var/data", "not a store"),
        ("s3://bucket/prefix", "not a store"),
        ("http://[broken", "not a store"),
        ("file://relative/path", "three slashes"),
        ("file:data", "three slashes"),
        ("file:///data%00", "three slashes"),
        ("file:///disk#2/data", "written %3F and %23"),
        ("block:team", "Prefect block"),
        ("https://account.blob.core.windows.net/", "whole container"),
        (f"https://account.blob.core.windows.net/data/folder?sig={KEY}", "whole container"),
        (f"https://user:{KEY}@account.blob.core.windows.net/data", "whole container"),
        (f"https://account.blob.core.windows.net/data?{KEY}", "no shared access signature"),
        (f"https://account.blob.core.windows.net/Data_1?sig={KEY}", "small letters"),
        (f"http://account.blob.core.windows.net/data?sig={KEY}", "use https"),
        (f"http://10.0.0.1:10000/devstoreaccount1/data?sig={KEY}", "use https"),
        ("http://127.0.0.1:10000/devstoreaccount1/data", "identity is sent by https only"),
        (CONNECTION, "names no container"),
        (f"{CONNECTION};ContainerName=", "names no container"),
        (f"{CONNECTION.replace('https', 'http')};ContainerName=data", "use https"),
        (f"AccountKey={KEY};junk;ContainerName=data", "cannot read"),
    ],
)
def test_a_wrong_word_is_refused_at_once_and_without_its_secret(spec: str, fault: str) -> None:
    with pytest.raises(BadSetting, match=fault) as caught:
        open_store(spec)
    assert KEY not in repr(caught.value)
    assert caught.value.__context__ is None or KEY not in repr(caught.value.__context__)
