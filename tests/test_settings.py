"""The settings of the environment: defaults, overrides, secrets."""

from pathlib import Path

import platformdirs
import pytest

from restyle.errors import BadSetting
from restyle.settings import Settings

_NAMES = ("HOME", "DATA_STORE", "CONTROL_STORE", "CLUSTER", "MIN_WORKERS", "MAX_WORKERS", "KEEP_WARM_MINUTES")
SPEC = "https://account.blob.core.windows.net/data?sv=1&sig=planted"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.delenv(f"RESTYLE_{name}", raising=False)


def stores(settings: Settings) -> tuple[str, str]:
    return settings.data_store.get_secret_value(), settings.control_store.get_secret_value()


def test_unset_stores_are_folders_of_the_users_own() -> None:
    home = Path(platformdirs.user_data_dir("restyle"))
    settings = Settings()
    assert settings.home == home
    assert stores(settings) == ((home / "data").as_uri(), (home / "control").as_uri())


def test_home_moves_both_and_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESTYLE_HOME", "my files")
    assert stores(Settings()) == (f"{tmp_path.as_uri()}/my%20files/data", f"{tmp_path.as_uri()}/my%20files/control")


def test_a_store_is_taken_as_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", SPEC)
    monkeypatch.setenv("RESTYLE_CONTROL_STORE", "block:team-control")
    assert stores(Settings()) == (SPEC, "block:team-control")


def test_a_connection_string_without_a_container_gets_the_one_of_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", "UseDevelopmentStorage=true;")
    monkeypatch.setenv("RESTYLE_CONTROL_STORE", "UseDevelopmentStorage=true;ContainerName=weights")
    assert stores(Settings()) == (
        "UseDevelopmentStorage=true;ContainerName=data",
        "UseDevelopmentStorage=true;ContainerName=weights",
    )


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Settings()
    for name in _NAMES:
        monkeypatch.setenv(f"RESTYLE_{name}", "")
    assert Settings() == default


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_DATA_STORE", SPEC)
    settings = Settings()
    assert "planted" not in repr(settings) + str(settings) + settings.model_dump_json() + f"{settings.data_store}"


def test_a_bad_value_names_its_variable_and_not_itself() -> None:
    with pytest.raises(BadSetting, match="RESTYLE_DATA_STORE") as caught:
        Settings(data_store=["planted"])
    assert "planted" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_the_cluster_of_deployed_runs_is_a_kind_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().cluster == "auto"
    monkeypatch.setenv("RESTYLE_CLUSTER", "tcp://scheduler:8786")
    assert Settings().cluster == "tcp://scheduler:8786"
    monkeypatch.setenv("RESTYLE_CLUSTER", "everywhere")
    with pytest.raises(
        BadSetting, match=r"RESTYLE_CLUSTER: .*not auto, cuda, local, kubernetes, azure-vm or an address"
    ):
        Settings()


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"MIN_WORKERS": "1"}, "RESTYLE_MAX_WORKERS: .*needed beside"),
        ({"KEEP_WARM_MINUTES": "1"}, "RESTYLE_MAX_WORKERS: .*needed beside"),
        ({"MIN_WORKERS": "3", "MAX_WORKERS": "2"}, "RESTYLE_MAX_WORKERS: .*2 is less than RESTYLE_MIN_WORKERS, 3"),
    ],
)
def test_a_cluster_grows_and_shrinks_within_bounds_that_make_sense(
    monkeypatch: pytest.MonkeyPatch, bounds: dict[str, str], said: str
) -> None:
    for name, value in bounds.items():
        monkeypatch.setenv(f"RESTYLE_{name}", value)
    with pytest.raises(BadSetting, match=said):
        Settings()
    monkeypatch.setenv("RESTYLE_MAX_WORKERS", "3")
    assert Settings().max_workers == 3
