"""Every clip through the whole media path: no frame lost, no time moved, no sound dropped, the pixels kept. About 70 s.

`python -m bench.media_table` writes the same measurements as the table in docs/media.md.
"""

from pathlib import Path

import pytest

from tests.media.clips import CLIPS, Clip, ClipCache
from tests.media.exactness import measure


@pytest.mark.parametrize("clip", CLIPS, ids=[clip.name for clip in CLIPS])
def test_the_media_path_is_exact(clip: Clip, clips: ClipCache, tmp_path: Path) -> None:
    found = measure(clip, clips[clip.name], tmp_path)
    assert found.frames_out == found.frames_in
    assert found.frames_in == clip.frames or clip.damaged
    assert found.drift_s < found.half_frame_s
    assert len(found.audio_out) == len(clip.audio)
    assert found.psnr_db > 36
    assert found.psnr_db > found.direct_db - 1
