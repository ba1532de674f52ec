"""Every variable that docker/ and deployments/ set is one that somebody reads."""

import re

from prefect.settings import Settings as PrefectSettings
from pydantic import BaseModel

from restyle.settings import Settings
from tests.deployments.reading import deployed_files

OURS = {f"RESTYLE_{name.upper()}" for name in Settings.model_fields}
# Read by Prefect's client and server, and by a run's process.
PREFECTS_OWN = {"PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"}


def test_every_restyle_variable_is_a_setting_of_restyle() -> None:
    named = _named("RESTYLE")
    assert named <= OURS, named - OURS
    assert named >= OURS  # and no setting is forgotten


def test_every_prefect_variable_is_a_setting_of_prefect() -> None:
    known = _variables(PrefectSettings)
    assert known >= PREFECTS_OWN
    assert _named("PREFECT") <= known, _named("PREFECT") - known


def _named(prefix: str) -> set[str]:
    texts = (path.read_text() for path in deployed_files() if path.suffix != ".md")
    return {name for text in texts for name in re.findall(rf"\b{prefix}_[A-Z_]+[A-Z]\b", text)}


def _variables(model: type[BaseModel]) -> set[str]:
    """The environment variables of a settings class and of those in it."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= _variables(kind)
        else:
            found.add(f"{model.model_config.get('env_prefix', '')}{name}".upper())
            choices = getattr(field.validation_alias, "choices", [])
            found |= {str(choice).upper() for choice in choices}
    return found
