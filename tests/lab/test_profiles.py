"""Network profiles: found by name, and what each promises."""

import pytest

from pymix_voice.errors import ConfigError
from pymix_voice.lab.network import Law
from pymix_voice.lab.profiles import PROFILES, Profile, changed, find


def test_all_are_found_by_name() -> None:
    assert list(PROFILES) == [
        *("none", "lan", "region", "continent", "intercontinental"),
        *("mobile", "wifi", "reordering"),
    ]
    assert all(find(name).name == name for name in PROFILES)


def test_an_unknown_name_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"'moon'; there are none, lan, .* reordering$"):
        find("moon")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda each: each.name)
def test_mix_links_have_a_delay_and_nothing_else(profile: Profile) -> None:
    assert profile.chain == Law(profile.chain.delay, jitter=0.0)
    assert profile.access.jitter == 0.0, "a wait is shared by neighbours, jitter is not"
    assert profile.sentence.endswith(".")
    assert profile.source.endswith(".")


def test_the_projects_target_is_for_fifteen_and_five_milliseconds() -> None:
    assert find("continent").chain == Law(0.015, jitter=0.0)
    assert find("continent").access == Law(0.005, jitter=0.0)


def test_a_law_is_changed_by_words() -> None:
    law = changed(find("continent").chain, ["loss=0.01", "burst=4"])
    assert law == Law(0.015, jitter=0.0, loss=0.01, burst=4.0)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("los=0.1", "'los=0.1' changes nothing of a link; it has delay, jitter, loss"),
        ("loss", "'loss' has no number; wanted is such as loss=0.01"),
        ("loss=much", "'loss=much' has no number"),
        ("loss=2", "no link can be like that: loss, duplicate and reorder are shares"),
    ],
)
def test_a_word_that_says_nothing_is_told(word: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        changed(Law(), [word])
