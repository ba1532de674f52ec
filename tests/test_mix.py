"""The words of a mix, and what makes two mixes the same."""

import pytest

from restyle.errors import BadSetting
from restyle.job import StylePart, StyleRef
from restyle.mix import file_words, is_mix, mix_reference, parse_mix


def mix(*parts: tuple[str, float]) -> StyleRef:
    return mix_reference(tuple(StylePart(name=name, sha256=f"sha of {name}", share=share) for name, share in parts))


def test_a_mix_is_styles_and_weights() -> None:
    assert parse_mix("starry_night:0.6, my/own.pth:0.4") == (("starry_night", 0.6), ("my/own.pth", 0.4))
    assert parse_mix("C:\\a.pth:1,b:2e-1") == (("C:\\a.pth", 1.0), ("b", 0.2))
    assert is_mix("a:1,b:1")
    assert not is_mix("starry_night")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a:1,b", "b has no weight"),
        ("a,b", "a has no weight"),
        ("a:1,", "an empty part"),
        (",a:1", "an empty part"),
        ("a:1,:2", "no weight"),
        ("a:1,b:much", "'much' of b is not a number"),
        ("a:1,b:", "'' of b is not a number"),
        ("a:1,b:1\x1f", r"'1\\x1f' of b is not a number"),
        ("a:1,b:0", "0 of b is not above 0"),
        ("a:1,b:-0.5", "-0.5 of b is not above 0"),
        ("a:1,b:nan", "nan of b is not above 0"),
        ("a:1,b:inf", "inf of b is not above 0"),
        ("a:1,a:2", "a is named twice"),
    ],
)
def test_odd_mixes_are_refused_in_one_sentence(words: str, said: str) -> None:
    with pytest.raises(BadSetting, match=said) as refused:
        parse_mix(words)
    assert str(refused.value).startswith(f"--style {words}: ")
    assert "\n" not in str(refused.value)


def test_shares_add_up_to_one() -> None:
    made = mix(("a", 3), ("b", 1), ("c", 1))
    assert {part.name: part.share for part in made.parts} == {"a": 0.6, "b": 0.2, "c": 0.2}
    assert made.name == "a:0.6,b:0.2,c:0.2"
    assert made.kind == "mix"


def test_neither_order_nor_scale_makes_another_mix() -> None:
    made = mix(("a", 0.6), ("b", 0.4))
    assert mix(("b", 2), ("a", 3)).sha256 == made.sha256
    assert mix(("b", 2), ("a", 3)).parts == made.parts


def test_other_shares_and_other_styles_make_another_mix() -> None:
    hashes = {mix(("a", x), (other, 1)).sha256 for x in (1, 1.1, 2) for other in ("b", "c")}
    assert len(hashes) == 6


def test_one_style_under_two_names_is_no_mix() -> None:
    parts = (StylePart(name="wave", sha256="w", share=1), StylePart(name="copy", sha256="w", share=1))
    with pytest.raises(BadSetting, match="wave and copy are the same style"):
        mix_reference(parts)


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("starry_night", "starry_night"),
        ("starry_night:0.6,wave:0.4", "starry_night-0.6-wave-0.4"),
        ("folder/my style.pth", "my-style"),
        ("C:\\styles\\x.safetensors", "x"),
        ("package.module:paint", "package.module-paint"),
        ("cartoon.pt2", "cartoon"),
        ("::", "painted"),
    ],
)
def test_a_style_names_a_file_in_letters_that_files_take(style: str, words: str) -> None:
    assert file_words(style) == words
