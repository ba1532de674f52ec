"""A worker's painter is made of what the control store has, and of nothing that has changed."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from models.inference import Painter
from models.styles import shipped
from restyle.domain import NumericPath
from restyle.errors import BadCheckpoint
from restyle.job import Look
from restyle.layout import weights
from restyle.storage import open_store
from tasks.inputs import upload_files
from tasks.painters import make_painter, one_at_a_time, painter
from tasks.styles import Chosen, choose, resolve_style

PATH = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=1)
FRAMES = np.random.default_rng(1).integers(0, 256, (1, 32, 48, 3), dtype=np.uint8)


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESTYLE_CONTROL_STORE", tmp_path.as_uri())
    return tmp_path


def painted(chosen: Chosen, look: Look) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return make_painter(chosen.ref, PATH, look, chosen.files.__getitem__)(FRAMES)


def test_a_mix_is_painted_from_the_store_with_all_its_parts(control: Path) -> None:
    chosen = resolve_style("starry_night:0.6,wave:0.4")
    store = open_store(control.as_uri())
    assert upload_files(store, chosen)
    assert not upload_files(store, chosen)
    mixed = painter(chosen.ref, PATH, Look())(FRAMES)
    alone = [painted(resolve_style(name), Look()).astype(float) for name in ("starry_night", "wave")]
    assert np.abs(alone[0] - alone[1]).mean() > 20
    # Half a level for the rounding of the mix, and half a level in all for those of its parts.
    assert np.abs(mixed - (0.6 * alone[0] + 0.4 * alone[1])).max() <= 1.01


def test_every_control_of_the_look_reaches_the_pixels() -> None:
    chosen = resolve_style("starry_night")
    looks = (Look(), Look(strength=0.5), Look(keep_color=True), Look(stroke=2), Look(stroke=0.5), Look(strength=0))
    results = [painted(chosen, look) for look in looks]
    for i, one in enumerate(results):
        for other in results[:i]:
            assert np.abs(one.astype(int) - other).mean() > 5
    np.testing.assert_array_equal(results[-1], FRAMES)


def test_smooth_goes_on_from_call_to_call_and_leaves_the_source_alone_at_strength_0() -> None:
    chosen = resolve_style("starry_night")
    noise = np.random.default_rng(2).normal(0, 3, (3, *FRAMES.shape[1:]))
    clip = (FRAMES // 2 + 60 + noise).astype(np.uint8)
    plain, calm, again, off = (
        make_painter(chosen.ref, PATH, look, chosen.files.__getitem__)
        for look in (Look(), Look(smooth=0.8), Look(smooth=0.8), Look(smooth=0.8, strength=0))
    )
    smoothed = calm(clip)
    np.testing.assert_array_equal(smoothed[0], plain(clip)[0])
    assert (
        np.abs(np.diff(smoothed.astype(int), axis=0)).mean()
        < 0.7 * np.abs(np.diff(plain(clip).astype(int), axis=0)).mean()
    )
    np.testing.assert_array_equal(np.concatenate([again(frame[None]) for frame in clip]), smoothed)
    np.testing.assert_array_equal(off(clip), clip)


def test_each_painter_of_gatys_method_begins_a_clip_of_its_own(control: Path, tmp_path: Path) -> None:
    Image.fromarray(data.chelsea()).save(tmp_path / "cat.png")
    chosen = choose(str(tmp_path / "cat.png"), None, "gatys")
    upload_files(open_store(control.as_uri()), chosen)
    paint, other = (painter(chosen.ref, PATH, Look(frames="png")) for _ in range(2))
    small = FRAMES[:, :16, :16]
    first = paint(small)
    np.testing.assert_array_equal(other(small), first)
    assert np.abs(paint(small).astype(int) - first).mean() > 1  # the same frame goes on from its own painting
    assert choose(str(tmp_path / "cat.png"), None, "gatys").ref == chosen.ref


def test_a_file_that_is_not_what_its_key_says_is_refused(control: Path) -> None:
    chosen = resolve_style("wave")
    open_store(control.as_uri()).write(weights(chosen.ref.sha256), shipped()["starry_night"].path.read_bytes())
    with pytest.raises(BadCheckpoint, match=r"has the hash.*delete it"):
        painter(chosen.ref, PATH, Look(strength=0.7))


def test_a_process_paints_one_thing_at_a_time() -> None:
    at_work: list[int] = []
    seen: list[int] = []

    def slow(source: torch.Tensor) -> torch.Tensor:
        at_work.append(1)
        seen.append(len(at_work))
        time.sleep(0.05)
        at_work.pop()
        return source.float()

    with ThreadPoolExecutor(4) as threads:
        paints = [one_at_a_time(Painter(slow, PATH)) for _ in range(4)]
        made = [threads.submit(lambda paint: paint(FRAMES)(), paint) for paint in paints]
    assert all(np.array_equal(each.result(), FRAMES) for each in made)
    assert seen == [1] * 4


def test_weights_of_the_store_that_are_far_too_large_are_not_read(control: Path) -> None:
    chosen = resolve_style("wave")
    huge = control / weights("ab" * 32)
    huge.parent.mkdir(parents=True)
    with huge.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no disk
    with pytest.raises(BadCheckpoint, match="too large for a style"):
        painter(chosen.ref.model_copy(update={"sha256": "ab" * 32}), PATH, Look())
