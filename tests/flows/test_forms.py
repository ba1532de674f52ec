"""What the dashboard's forms ask for, before any server: fields, choices, bounds, words; and what an order comes to."""

from typing import Any

import pytest
from prefect import Flow
from prefect.utilities.callables import parameter_schema

from flows.preview_styles import preview_styles
from flows.request import order_of, request_of, title
from flows.stylize_video import stylize_video
from flows.train_style import train_style
from models.styles import shipped
from restyle.errors import BadSetting
from restyle.order import VideoOrder


def fields(flow: Flow[..., Any]) -> dict[str, dict[str, Any]]:
    """The form's fields as the dashboard gets them."""
    properties: dict[str, dict[str, Any]] = parameter_schema(flow).properties
    return properties


def bounds(field: dict[str, Any]) -> set[tuple[str, Any]]:
    """Whatever limits a value, of all the kinds of value a field takes."""
    limits = ("minimum", "maximum", "minLength", "maxLength", "type")
    kinds = [kind for kind in field.get("anyOf", [field]) if "enum" not in kind]
    return {(name, kind[name]) for kind in kinds for name in limits if name in kind}


def test_the_form_takes_what_a_trigger_may_say_and_no_more() -> None:
    form, order = fields(stylize_video), VideoOrder.model_json_schema()
    assert list(form) == list(order["properties"])
    assert parameter_schema(stylize_video).required == order["required"] == ["video"]
    for name, asked in order["properties"].items():
        assert form[name].get("default") == asked.get("default"), name
        assert bounds(form[name]) >= bounds(asked), name
    assert form["codec"]["enum"] == order["properties"]["codec"]["enum"]


@pytest.mark.parametrize("flow", [stylize_video, train_style, preview_styles])
def test_every_field_and_every_flow_says_what_it_is_for(flow: Flow[..., Any]) -> None:
    assert flow.description
    assert [name for name, field in fields(flow).items() if not field.get("description")] == []


def test_styles_are_a_list_to_choose_from_or_a_name_of_the_store() -> None:
    choices = fields(stylize_video)["style"]["anyOf"]
    assert choices[0]["enum"] == list(shipped())
    assert [choice["type"] for choice in choices] == ["string", "string", "null"]
    assert [choice.get("title") for choice in choices] == ["from the list", "by name", None]
    assert fields(train_style)["start"]["enum"] == ["nearest", "scratch", *shipped()]


def test_an_order_comes_to_a_request_that_looks_for_no_file() -> None:
    order = order_of(video="videos/clip.mp4", style="starry_night", stroke=2.0, smooth=0.5, codec="av1", crf=40)
    request = request_of(order, threads=2, workers=2)
    assert (request.key, request.local, request.names_only) == ("videos/clip.mp4", None, True)
    assert (request.look.stroke, request.look.smooth) == (2.0, 0.5)
    assert (request.output.codec, request.output.crf) == ("av1", 40)
    assert request.title == "clip.mp4 in starry_night"
    assert request.engine == "auto"
    assert request_of(order_of(video="a.mp4", style="wave", fast=True), threads=1, workers=1).engine == "fast"
    painted = request_of(order_of(video="a.mp4", painting="styles/my.jpg"), threads=None, workers=1)
    assert (painted.style, painted.painting, painted.title) == (None, "data:styles/my.jpg", "a.mp4 in my")
    assert title("inbox/wave/a b.mp4", "starry_night:0.6,wave:0.4") == "a b.mp4 in starry_night-0.6-wave-0.4"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"video": "a.mp4"}, "give exactly one of style and painting"),
        ({"video": "/etc/passwd", "style": "wave"}, "drop the leading '/'"),
        ({"video": "a.mp4", "style": "/home/me/style.pth"}, "is no style's name"),
        ({"video": "a.mp4", "style": "wave", "crf": 0, "codec": "av1"}, "crf 0 is out of range"),
    ],
)
def test_an_order_that_cannot_be_met_says_why_in_one_line(words: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSetting) as raised:
        order_of(**words)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
