"""What an order may say, and that nothing else gets through."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from restyle.job import Look
from restyle.order import VideoOrder, faults
from tests.storage.test_keys import keys

VIDEO = "videos/clip.mp4"
ANY = st.text(st.characters(exclude_characters=","), max_size=20)  # with a comma it may well be a mix of styles
ESCAPES = st.sampled_from(["../{}", "/{}", "{}/../x", "a/../../{}", "{}\\x", "..\\{}", "./{}", "a//{}", ".restyle/{}"])
ADDRESSES = st.sampled_from(
    ["data:{}", "file:{}", "file:///{}", "http://host/{}", "https://host/{}", "block:{}", "os:{}", "os.path:{}", "C:{}"]
)
CONTROL = st.characters(categories=["Cc", "Cs", "Zl", "Zp"])


def refused(**fields: Any) -> str:
    """The one line that says what is wrong."""
    with pytest.raises(ValidationError) as caught:
        VideoOrder(**fields)
    words = faults(caught.value)
    assert words
    assert words.isprintable()
    assert len(words) <= 1000
    return words


def every_name(name: str) -> list[str]:
    """Refusals of a name wherever an order takes one."""
    said = [refused(video=name, style="wave"), refused(video=VIDEO, painting=name), refused(video=VIDEO, style=name)]
    return [*said, refused(video=VIDEO, style=f"wave:0.5,{name}:0.5")]


def test_an_order_is_told_in_flat_parameters_that_make_it_again() -> None:
    order = VideoOrder(video=VIDEO, style="starry_night:0.6,wave:0.4", strength=0.5, codec="av1", crf=63, max_side=640)
    assert order.parameters() == {
        "video": VIDEO,
        "style": "starry_night:0.6,wave:0.4",
        "strength": 0.5,
        "codec": "av1",
        "crf": 63,
        "max_side": 640,
    }
    assert VideoOrder(**order.parameters()) == order
    assert VideoOrder(video=VIDEO, style="wave").parameters() == {"video": VIDEO, "style": "wave"}


@given(keys().filter(lambda key: ":" not in key))
def test_any_key_of_the_store_can_be_ordered(key: str) -> None:
    assert VideoOrder(video=key, painting=key).parameters() == {"video": key, "painting": key}


@pytest.mark.parametrize("name", ["wave", "Mondrian's house (2)", "ölbild-3", "日本画", "the_scream"])
def test_styles_of_every_language_can_be_named(name: str) -> None:
    assert VideoOrder(video=VIDEO, style=name).style == name
    assert VideoOrder(video=VIDEO, style=f"{name}:1,other:2").style == f"{name}:1,other:2"


@given(ESCAPES, ANY)
def test_a_path_out_of_the_store_is_refused(form: str, name: str) -> None:
    every_name(form.format(name))


@given(ADDRESSES, ANY)
def test_an_address_or_a_module_is_refused(form: str, name: str) -> None:
    every_name(form.format(name))


@given(ANY, CONTROL, ANY)
@example("", "\x1f", "0")  # a blank to str.strip
def test_control_characters_are_refused(before: str, control: str, after: str) -> None:
    every_name(before + control + after)


@pytest.mark.parametrize("name", ["x" * 10_000, "x/" * 5_000, "wave:1," * 2_000, ""])
def test_no_name_and_endless_names_are_refused(name: str) -> None:
    every_name(name)


@pytest.mark.parametrize(
    "style", ["own.pth", "weights.safetensors", "painting.jpg", "package.module", "/etc/passwd", "~", "-rf", "$(id)"]
)
def test_a_style_is_never_a_file_or_a_module(style: str) -> None:
    assert "no style's name" in refused(video=VIDEO, style=style)


@pytest.mark.parametrize(
    "field",
    ["model", "cluster", "output", "report", "workers", "keep_frames", "look", "frames", "batch_size", "x" * 5000],
)
def test_what_is_no_field_of_the_form_is_refused_by_its_name(field: str) -> None:
    assert field[:50] in refused(video=VIDEO, style="wave", **{field: "value"})


def test_exactly_one_of_style_and_painting_is_needed() -> None:
    assert "exactly one" in refused(video=VIDEO)
    assert "exactly one" in refused(video=VIDEO, style="wave", painting="styles/a.jpg")


def test_fast_goes_with_a_style_alone() -> None:
    assert VideoOrder(video=VIDEO, style="wave", fast=True).parameters() == {
        "video": VIDEO,
        "style": "wave",
        "fast": True,
    }
    assert "not with a painting" in refused(video=VIDEO, painting="styles/a.jpg", fast=True)


@pytest.mark.parametrize("field", ["strength", "stroke", "smooth", "max_side"])
def test_a_look_has_the_bounds_it_has_on_the_command_line(field: str) -> None:
    ours, theirs = (model.model_json_schema()["properties"][field] for model in (VideoOrder, Look))
    numbers = [schema["anyOf"][0] if "anyOf" in schema else schema for schema in (ours, theirs)]
    assert numbers[0]["minimum"] == numbers[1]["minimum"]
    assert numbers[0]["maximum"] == numbers[1].get("maximum", 16384)
    assert ours["default"] == theirs["default"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e-9, 1e9, "much", None])
@pytest.mark.parametrize("field", ["strength", "stroke", "smooth"])
def test_a_number_out_of_range_is_refused(field: str, number: object) -> None:
    assert field in refused(video=VIDEO, style="wave", **{field: number})


@pytest.mark.parametrize(
    ("codec", "crf"), [("h264", 52), ("hevc", -1), ("av1", 0), ("av1", 64), ("av1_nvenc", 0), ("gif", 20)]
)
def test_codec_and_crf_must_go_together(codec: str, crf: int) -> None:
    assert "crf" in refused(video=VIDEO, style="wave", codec=codec, crf=crf) or codec == "gif"


def test_every_field_has_words_for_the_person_at_the_form() -> None:
    for name, field in VideoOrder.model_json_schema()["properties"].items():
        assert len(field["description"]) > 20, name
        assert field["title"], name


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | ANY, lambda inner: st.dictionaries(ANY, inner) | st.lists(inner)
    )
)
def test_no_json_at_all_breaks_the_reading_of_orders(anything: object) -> None:
    with pytest.raises(ValidationError) as caught:
        VideoOrder.model_validate_json(json.dumps(anything))
    assert faults(caught.value).isprintable()
