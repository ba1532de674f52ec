"""What --style and --model come to, before any run."""

import time
from pathlib import Path

import pytest

from models.checkpoint import StyleCard, read_tensors, write_checkpoint
from models.styles import shipped, shipped_fast
from restyle.errors import BadCheckpoint, BadModel, BadSetting, UnknownStyle
from restyle.layout import trained_lease, trained_style, weights
from tasks.stores import open_stores
from tasks.styles import choose, kept_styles, resolve_model, resolve_named, resolve_style

MIX = "starry_night:0.6,wave:0.4"


@pytest.fixture(autouse=True)
def _empty_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTYLE_HOME", str(tmp_path / "home"))


def test_a_style_comes_with_its_weights_and_its_origin() -> None:
    chosen = resolve_style("starry_night")
    style = shipped()["starry_night"]
    assert (chosen.ref.name, chosen.ref.sha256, chosen.ref.kind) == ("starry_night", style.sha256, "style")
    assert chosen.files == {weights(style.sha256): style.path.read_bytes()}
    assert "Vincent van Gogh" in chosen.origin


def test_a_shipped_style_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "starry_night.safetensors"
    other.write_bytes(shipped()["wave"].path.read_bytes())
    changed = shipped()["starry_night"].model_copy(update={"path": other})
    monkeypatch.setattr("tasks.styles.shipped", lambda: {"starry_night": changed})
    with pytest.raises(BadCheckpoint, match="not the style that restyle came with"):
        resolve_named("starry_night")


def test_a_style_of_the_store_that_is_far_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    control, style = open_stores().control, shipped()["wave"]
    card = StyleCard(name="mine")
    control.write(trained_style("mine"), write_checkpoint(read_tensors(style.path.read_bytes()), card))
    monkeypatch.setattr("models.checkpoint.MAX_BYTES", 1 << 20)
    with pytest.raises(BadCheckpoint, match="too large for a style"):
        resolve_named("mine")


def test_a_mix_comes_with_the_weights_of_every_part() -> None:
    chosen = resolve_style(MIX)
    assert chosen.ref.kind == "mix"
    assert chosen.ref.name == MIX
    assert {part.name: part.share for part in chosen.ref.parts} == {"starry_night": 0.6, "wave": 0.4}
    assert chosen.files == {weights(s.sha256): s.path.read_bytes() for n, s in shipped().items() if n in MIX}


def test_a_checkpoint_file_may_be_part_of_a_mix(tmp_path: Path) -> None:
    copy = tmp_path / "a,b.safetensors"
    copy.write_bytes(shipped()["wave"].path.read_bytes())
    assert resolve_style(str(copy)).ref.kind == "style"
    plain = tmp_path / "mine.safetensors"
    plain.write_bytes(copy.read_bytes())
    assert resolve_style(f"starry_night:0.6,{plain}:0.4").ref.sha256 == resolve_style(MIX).ref.sha256
    with pytest.raises(BadSetting, match="the same style"):
        resolve_style(f"wave:0.6,{plain}:0.4")


def test_the_fast_engine_takes_the_smaller_networks_of_shipped_styles_and_of_no_others(tmp_path: Path) -> None:
    chosen, mix = choose("starry_night", None, "fast"), choose(MIX, None, "fast")
    style = shipped_fast()["starry_night"]
    assert chosen.files == {weights(style.sha256): style.path.read_bytes()}
    assert chosen.ref != choose("starry_night", None).ref  # another job
    assert mix.files == {weights(s.sha256): s.path.read_bytes() for n, s in shipped_fast().items() if n in MIX}
    painting = tmp_path / "mine.png"
    for other in ("mine", str(painting), str(shipped()["wave"].path)):
        with pytest.raises(UnknownStyle, match=r"--engine fast: .* has no smaller network.*starry_night"):
            choose(other, None, "fast")


@pytest.mark.parametrize("style", ["no_such_style", "starry_night:0.6,no_such_style:0.4", "x" * 5000])
def test_an_unknown_style_is_named_also_inside_a_mix(style: str) -> None:
    with pytest.raises(UnknownStyle, match=r"^(no_such_style|x+): no such style.*starry_night"):
        resolve_style(style)


def test_a_form_takes_names_and_never_files(tmp_path: Path) -> None:
    for style in shipped():
        assert resolve_named(style).ref == resolve_style(style).ref
    assert resolve_named(MIX).ref == resolve_style(MIX).ref
    path = shipped()["wave"].path
    for style in (str(path), f"starry_night:1,{path}:1", "../wave", ""):
        with pytest.raises(UnknownStyle):
            resolve_named(style)


def test_a_style_that_only_the_store_has_is_known_by_name_the_newest_of_several() -> None:
    control = open_stores().control
    tensors = read_tensors(shipped()["wave"].path.read_bytes())
    for number, tag in enumerate(("older", "newer")):
        card = StyleCard(name="kandinsky", painting=tag)
        control.write(trained_style(f"{number:016d}"), write_checkpoint(tensors, card))
        time.sleep(0.02)  # a file's time may be coarse
    control.write(trained_lease("0" * 16), b"someone")
    assert [(name, style.card.painting) for name, style in kept_styles().items()] == [("kandinsky", "newer")]
    chosen = resolve_named("kandinsky:1,wave:1")
    assert [part.name for part in chosen.ref.parts if part.name != "wave"] == ["kandinsky"]
    assert resolve_style("kandinsky").ref == resolve_named("kandinsky").ref
    with pytest.raises(UnknownStyle, match="kandinsky"):
        resolve_named("monet")


def test_a_callable_needs_no_file_and_a_program_brings_its_own(tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "docs/examples"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(examples)
        chosen = choose(None, "cartoon:paint")
    assert (chosen.ref.name, chosen.ref.kind, chosen.files) == ("cartoon:paint", "callable", {})
    for name, content in (("gone.pt2", None), ("folder.pt2", None), ("letter.pt2", b"dear sir")):
        if content:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(BadModel, match=name):
            resolve_model(str(tmp_path / name))
