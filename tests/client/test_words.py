"""Words of control: any body is one of them or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sizes import BODY_BYTES
from zones import FUZZ

from pymix_voice.client.words import Word, body_of, parse_word
from pymix_voice.errors import BadCell, Drop


@pytest.mark.parametrize("word", Word)
def test_a_word_comes_back_as_it_was_said(word: Word) -> None:
    assert parse_word(body_of(word).ljust(BODY_BYTES, b"\0")) == word


@FUZZ
@given(st.binary(min_size=BODY_BYTES, max_size=BODY_BYTES))
def test_any_body_is_a_word_or_malformed(body: bytes) -> None:
    if body[0] in set(Word):
        assert parse_word(body) == body[0]
    else:
        with pytest.raises(BadCell) as caught:
            parse_word(body)
        assert caught.value.reason == Drop.MALFORMED
