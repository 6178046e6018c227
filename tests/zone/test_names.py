"""Names of people: any writing, one form, nothing that a terminal or a reader could mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import ConfigError
from pymix_voice.zone.names import LONGEST_NAME, folded, personal_name


@pytest.mark.parametrize(
    "name", ["Bob", "bob smith", "Zoë", "王小明", "O'Neil", '"', "[bold]", "👩\u200d🔬", "a" * 40]
)
def test_a_name_in_any_writing_is_kept_as_it_is(name: str) -> None:
    assert personal_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("  Bob\n", "Bob"), ("Bob  \u00a0 Smith", "Bob Smith"), ("Zoe\u0308", "Zoë")],
)
def test_spaces_and_compositions_have_one_form(text: str, name: str) -> None:
    assert personal_name(text) == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "this name is empty, but 1 to 40 printable characters are wanted"),
        (" \t", "is empty"),
        ("\u200d", "is empty"),
        ("a" * 41, "has 41 characters"),
        ("a\nb", "has a control or invisible character"),
        ("\x1b[31mred", "control"),
        ("a\x00", "control"),
        ("\u202ereversed", "control"),
        ("\ud800", "control"),
        ("-v", "cannot begin with '-'"),
        ("pymix1abc", "cannot begin with 'pymix1', as addresses do"),
        ("PY Mix-1abc", "as addresses do"),
        ("py\u200dmix1abc", "as addresses do"),
        ("pymix1" + "a" * 84, "as addresses do"),
    ],
)
def test_what_can_be_no_name_is_refused_without_repeating_it(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        personal_name(text)
    assert len(text) < 3 or text not in str(caught.value)


@pytest.mark.parametrize(
    "other", ["BOB strasse", " bob   strasse ", "Bob Stra\u00dfe", "Bob\u00a0Stras\u200dse"]
)
def test_what_people_call_one_name_is_one(other: str) -> None:
    assert folded(other) == folded("Bob Strasse")


def test_other_names_are_other_names() -> None:
    assert len({folded(name) for name in ("Bob", "Bobby", "Böb", "B ob")}) == 4


@pytest.mark.slow
@FUZZ
@given(st.text(max_size=60) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_any_text_is_a_name_in_one_form_or_refused(text: str) -> None:
    try:
        name = personal_name(text)
    except ConfigError:
        return
    assert personal_name(name) == name
    assert folded(text) == folded(name)
    assert 1 <= len(name) <= LONGEST_NAME


def test_a_text_of_marks_without_end_is_refused_at_once() -> None:
    """Composing a million marks would take an hour, as they would have to be sorted."""
    endless = "a" + "\u0301\u0316" * 500_000
    with pytest.raises(ConfigError, match="has 1000001 characters"):
        personal_name(endless)
    assert folded(endless) == endless


def test_a_long_text_that_composes_to_a_name_is_one() -> None:
    assert personal_name("e\u0323\u0302" * LONGEST_NAME) == "\u1ec7" * LONGEST_NAME
