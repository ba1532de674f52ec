"""The clips, built once per test session when a test first asks for one."""

import pytest

from tests.media.clips import ClipCache


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipCache:
    """Paths of the generated clips by name."""
    return ClipCache(tmp_path_factory.mktemp("clips"))
