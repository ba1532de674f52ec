"""The clips and what the probe says of them, made once per test session when a test first asks."""

from collections.abc import Callable
from functools import cache

import pytest

from restyle.domain import VideoInfo
from restyle.media.probe import probe_video
from tests.media.clips import ClipCache

Probed = Callable[[str], VideoInfo]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipCache:
    """Paths of the generated clips by name."""
    return ClipCache(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def probed(clips: ClipCache) -> Probed:
    """The VideoInfo of a clip by name, probed once."""
    return cache(lambda name: probe_video(clips[name]))
