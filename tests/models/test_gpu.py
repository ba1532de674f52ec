"""What a CUDA device paints is what the processor paints, and the same bits each time. Needs one: `pytest -m gpu`."""

import numpy as np
import pytest

from models.inference import load_painter
from models.runtime import choose_numeric_path, device_count
from models.styles import shipped
from restyle.domain import NumericPath
from tests.models.test_inference import frames

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not device_count(), reason="no CUDA device here: what a GPU paints was not tested"),
]
PROCESSOR = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=1)


@pytest.mark.parametrize("style", shipped())
def test_a_gpu_paints_what_the_processor_paints(style: str) -> None:
    weights = shipped()[style].path.read_bytes()
    source = np.repeat(np.repeat(frames(9, 24, 40), 8, axis=1), 8, axis=2)
    on_gpu = load_painter(weights, choose_numeric_path())
    painted = on_gpu(source)
    np.testing.assert_array_equal(on_gpu(source), painted)
    compiled = load_painter(weights, choose_numeric_path().model_copy(update={"compiled": True}))(source)
    assert np.abs(compiled.astype(float) - painted).mean() < 1
    error = np.square(painted.astype(float) - load_painter(weights, PROCESSOR)(source)).mean()
    assert 10 * np.log10(255**2 / error) > 38


@pytest.mark.parametrize("keep_color", [False, True])
def test_mini_batches_that_are_begun_before_others_are_waited_for_are_painted_as_one_by_one(keep_color: bool) -> None:
    weights = shipped()["wave"].path.read_bytes()
    painter = load_painter(weights, choose_numeric_path(), keep_color=keep_color)
    parts = [frames(8, 360, 640 + 8 * i) for i in range(6)]
    expected = [painter(part) for part in parts]
    begun = [painter.begin(part.copy()) for part in parts]
    for wait, one in zip(begun, expected, strict=True):
        np.testing.assert_array_equal(wait(), one)
