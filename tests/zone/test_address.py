import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import ConfigError, Misuse
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.address import (
    PREFIX,
    TEXT_LENGTH,
    Address,
    hide_addresses,
    looks_like_address,
    parse_address,
)

ADDRESS = Address(bytes(range(32)), bytes(range(100, 116)))


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_address(text)
    return str(caught.value)


@FUZZ
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))
def test_every_address_reads_back_from_its_text(private: bytes, door_key: bytes) -> None:
    address = Address(KeyPair.of(private).public, door_key)
    assert parse_address(address.text) == address
    assert len(address.text) == TEXT_LENGTH == 90
    assert address.text == address.text.lower()


@FUZZ
@given(st.text(max_size=120) | st.text(alphabet="abz27 -", max_size=120).map(PREFIX.__add__))
def test_any_text_is_an_address_or_one_sentence(text: str) -> None:
    try:
        address = parse_address(text)
    except ConfigError as error:
        told = str(error)
    else:
        told = repr(address)
    assert "\n" not in told


def test_case_spaces_line_ends_and_dashes_do_not_matter() -> None:
    text = ADDRESS.text
    parts = [text[at : at + 7] for at in range(0, len(text), 7)]
    for joint in (" ", "-", "\n", "\r\n  ", "\u2013", "\u200b", "\u00a0"):
        assert parse_address(f"  {joint.join(parts).upper()}\n") == ADDRESS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "this is not an address: one begins with pymix1"),
        ("hello", "this is not an address"),
        (ADDRESS.text[:-1], "too short: it has 89 characters, but 90 are wanted"),
        (ADDRESS.text + "a", "too long: it has 91 characters, but 90 are wanted"),
        (ADDRESS.text[:-1] + "0", "wrong character"),
        (ADDRESS.text[:-1] + "ö", "wrong character"),
        (ADDRESS.text[:-1] + "=", "wrong character"),
    ],
)
def test_mistakes_are_told_without_repeating_the_address(text: str, told: str) -> None:
    sentence = refusal(text)
    assert told in sentence
    assert ADDRESS.text[6:16] not in sentence


def test_every_single_mistyped_character_is_found() -> None:
    text = ADDRESS.text
    for at in range(len(PREFIX), len(text)):
        other = "a" if text[at] != "a" else "b"
        assert "mistyped" in refusal(text[:at] + other + text[at + 1 :])


def test_every_swap_of_two_neighbours_is_found() -> None:
    text = ADDRESS.text
    for at in range(len(PREFIX), len(text) - 1):
        if text[at] != text[at + 1]:
            swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            assert "mistyped" in refusal(swapped)


def test_spare_bits_at_the_end_must_be_zero() -> None:
    last = "abcdefghijklmnopqrstuvwxyz234567".index(ADDRESS.text[-1])
    assert last % 16 == 0
    wrong = "abcdefghijklmnopqrstuvwxyz234567"[last + 1]
    assert "mistyped" in refusal(ADDRESS.text[:-1] + wrong)


@pytest.mark.parametrize("text", ["pymix1", " PY mix-1abc", ADDRESS.text, "\ufeffpymix1 name"])
def test_what_begins_like_an_address_looks_like_one(text: str) -> None:
    assert looks_like_address(text)


@pytest.mark.parametrize("text", ["", "pymix", "pymix2", "to pymix1", "Pym Ix"])
def test_what_begins_otherwise_does_not(text: str) -> None:
    assert not looks_like_address(text)


def test_addresses_and_long_pieces_are_left_out_of_what_others_say() -> None:
    text = ADDRESS.text
    for quoted in (text, text.upper(), text[:20], text[20:50]):
        assert hide_addresses(f"Unused: ['{quoted}'] or --help") == (
            "Unused: ['pymix1...'] or --help"
        )


def test_repr_shows_nothing_of_an_address() -> None:
    assert repr(ADDRESS) == "Address()"


def test_bytes_of_another_length_are_misuse() -> None:
    with pytest.raises(Misuse):
        Address(bytes(31), bytes(16))


def test_an_address_that_nobody_can_have_is_refused() -> None:
    # Dialing a key of low order would fail inside the client, at its next set-up.
    assert refusal(Address(bytes(32), bytes(16)).text) == (
        "nobody can have this address: its key is no usable key"
    )
