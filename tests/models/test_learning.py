"""A painting becomes a style within its budget, from a fitting start, and the best of it survives."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from models.checkpoint import StyleCard, read_checkpoint, read_tensors, write_checkpoint
from models.inference import load_painter
from models.learning import (
    BestKeeper,
    Lesson,
    best_style,
    learn,
    multiple_of_four,
    nearest_style,
    recipe_for,
    recolored,
    seconds_per_step,
    steps_within,
)
from models.network import TransformerNet
from models.photographs import pyramid
from models.pictures import identity, packaged_photographs, read_pictures, spread
from models.runtime import choose_numeric_path
from models.samples import sample_sheet
from models.styles import shipped
from models.training import TrainingState, open_training
from restyle.domain import NumericPath
from restyle.errors import BadPainting, TrainingDiverged

SMALL = replace(recipe_for(2, scratch=False), crop=32, batch=1)
FLOAT = NumericPath(device="cpu", precision="float32", threads=1, mini_batch=1)


@pytest.fixture(scope="module")
def pictures() -> list[list[Tensor]]:
    torch.manual_seed(1)
    noise = [Image.fromarray((torch.rand(64, 80, 3) * 255).to(torch.uint8).numpy()) for _ in range(2)]
    return [pyramid(picture, 56) for picture in noise]


@pytest.fixture(scope="module")
def lesson(pictures: Sequence[Sequence[Tensor]]) -> Lesson:
    rows = torch.arange(64)[:, None].expand(64, 64)
    painting = torch.stack([rows * 4, 255 - rows * 4, (rows % 8) * 30]).to(torch.uint8)
    return Lesson(painting, pictures, None, FLOAT)


def test_a_style_says_how_long_it_was_trained_and_by_what_losses(lesson: Lesson, tmp_path: Path) -> None:
    seen: list[int] = []
    card = StyleCard(name="rows", painting="rows.png")
    data = learn(lesson, SMALL, card, tmp_path, lambda state: seen.append(state.step))
    assert seen == [1, 2]
    (tmp_path / "s.safetensors").write_bytes(data)
    read = read_checkpoint(tmp_path / "s.safetensors")
    assert (read.name, read.card.painting, read.card.steps) == ("rows", "rows.png", 2)
    assert {"style", "content", "tv"} <= read.card.losses.keys()
    assert {tensor.dtype for tensor in read_tensors(data).values()} == {torch.float16}
    assert learn(lesson, SMALL, card, tmp_path, lambda _: pytest.fail("it was trained already")) == data


def test_a_training_goes_on_from_a_style(lesson: Lesson, tmp_path: Path) -> None:
    start = read_tensors(shipped()["starry_night"].path.read_bytes())
    begun = open_training(tmp_path / "none", SMALL, start)
    data = learn(replace(lesson, start=start), SMALL, StyleCard(name="s"), tmp_path, lambda _: None)
    moved = read_tensors(data)["res3.conv1.conv2d.weight"].float() - start["res3.conv1.conv2d.weight"].float()
    assert begun.network.state_dict()["res3.conv1.conv2d.weight"].equal(start["res3.conv1.conv2d.weight"].float())
    assert 0 < float(moved.abs().max()) < 0.01


def test_a_start_paints_in_the_colours_of_the_painting_before_it_has_learned_anything(lesson: Lesson) -> None:
    torch.manual_seed(2)
    dabs = torch.randn(3, 3, dtype=torch.float64) @ torch.randn(3, 4000, dtype=torch.float64) * 30
    painting = (128 + dabs).clamp(0, 255).to(torch.uint8).view(3, 40, 100)
    start = read_tensors(shipped()["wave"].path.read_bytes())
    network = TransformerNet("johnson2016-calm")
    network.load_state_dict(recolored(start, replace(lesson, painting=painting), "johnson2016-calm"))
    with torch.inference_mode():
        painted = torch.cat([network(multiple_of_four(p[-1])[None].float())[0].flatten(1) for p in lesson.pictures], 1)
    torch.testing.assert_close(painted.mean(1), painting.flatten(1).float().mean(1), rtol=1e-2, atol=0.5)
    torch.testing.assert_close(painted.cov(), painting.flatten(1).float().cov(), rtol=2e-2, atol=20.0)


def losing(values: Sequence[float]) -> list[dict[str, float]]:
    return [{"style": value, "content": 0.0} for value in values]


def test_an_exploding_loss_stops_the_training_and_the_best_style_is_kept(lesson: Lesson, tmp_path: Path) -> None:
    keeper = BestKeeper(SMALL, StyleCard(name="rows"), best_style(tmp_path))
    state = open_training(tmp_path / "none", SMALL, None)
    for step, values in ((10, [1.0] * 10), (20, [0.5] * 10), (30, [1.4] * 10)):
        state.step = step
        state.losses += losing(values)
        keeper(state)
    assert read_checkpoint(best_style(tmp_path)).card.steps == 20
    state.step = 40
    state.losses += losing([1.6] * 10)
    best = f"{0.5 * SMALL.style_weight:g}"
    with pytest.raises(TrainingDiverged, match=f"at step 40, more than 3 times its best, {best} at step 20"):
        keeper(state)
    assert read_checkpoint(best_style(tmp_path)).card.steps == 20


def test_a_loss_that_is_no_number_stops_the_training(lesson: Lesson, tmp_path: Path) -> None:
    def spoil(state: TrainingState) -> None:
        state.network.conv1.conv2d.weight.data.fill_(float("nan"))

    with pytest.raises(TrainingDiverged, match="nan at step 1"):
        learn(lesson, SMALL, StyleCard(name="rows"), tmp_path, spoil)


def test_the_start_is_the_style_that_paints_most_like_the_painting(lesson: Lesson) -> None:
    plain = TransformerNet()
    torch.nn.init.zeros_(plain.deconv3.conv2d.weight)
    assert plain.deconv3.conv2d.bias is not None
    torch.nn.init.constant_(plain.deconv3.conv2d.bias, 128.0)  # paints everything grey
    grey = write_checkpoint(plain.state_dict(), StyleCard(name="grey"))
    starry = shipped()["starry_night"].path.read_bytes()
    styles = {"grey": grey, "starry": starry}
    assert nearest_style(torch.full((3, 64, 64), 128, dtype=torch.uint8), lesson.pictures, styles) == "grey"
    painter = load_painter(starry, FLOAT)
    swirls = painter(lesson.pictures[0][0].permute(1, 2, 0)[None].numpy())[0]
    assert nearest_style(torch.from_numpy(swirls).permute(2, 0, 1), lesson.pictures, styles) == "starry"


def test_a_budget_of_minutes_becomes_steps_by_the_time_of_one(lesson: Lesson, tmp_path: Path) -> None:
    taken = seconds_per_step(lesson, SMALL)
    assert 0 < taken < 60
    assert steps_within(8, 2.0) == 240
    assert steps_within(0.001, 2.0) == 20
    assert not list(tmp_path.iterdir())


def test_the_stability_term_begins_after_the_first_strokes_however_short_the_training() -> None:
    for steps in (3, 240, 5000):
        recipe = recipe_for(steps, scratch=True)
        assert 0 < recipe.stability_from < recipe.stability_from + recipe.stability_ramp <= steps


def test_every_packaged_photograph_is_there_and_read() -> None:
    files = [(path.name, path.read_bytes()) for path in packaged_photographs()]
    pyramids = read_pictures(files, 168)
    assert len(pyramids) == len(files) == 10
    # From twice the smallest side down to it: crops show much of a scene.
    assert all(167 <= min(level.shape[1:]) <= 337 for p in pyramids for level in p)


def test_a_bad_training_picture_is_named() -> None:
    with pytest.raises(BadPainting, match=r"holiday\.jpg: "):
        read_pictures([("holiday.jpg", b"no picture")], 64)


def test_pictures_are_taken_evenly_and_known_by_content_and_order() -> None:
    assert spread(range(10), 5) == [1, 3, 5, 7, 9]
    assert spread([1, 2], 5) == [1, 2]
    assert identity([b"a", b"b"]) == identity([b"a", b"b"]) != identity([b"b", b"a"]) != identity([b"ab"])


def test_samples_show_each_picture_above_its_painting(lesson: Lesson, tmp_path: Path) -> None:
    state = open_training(tmp_path / "none", SMALL, None)
    sheet = Image.open(io.BytesIO(sample_sheet(state, lesson.pictures, FLOAT)))
    assert sheet.size == (2 * 80 + 3 * 4, 2 * 64 + 3 * 4)


def test_this_machine_can_train_in_the_precision_it_chooses(lesson: Lesson, tmp_path: Path) -> None:
    data = learn(replace(lesson, numeric=choose_numeric_path(1)), SMALL, StyleCard(name="s"), tmp_path, lambda _: None)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in read_tensors(data).values())
