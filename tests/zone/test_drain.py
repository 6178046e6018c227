import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.zone.drain import ADDRESS_BYTES, NOWHERE, Burst, Drain


def test_drain_of_datagrams_is_padded_with_zeros_and_keeps_order() -> None:
    drain = Drain.of([b"abc", b"", b"z"], [b"one", b"two", b"three"], 7.5, size=5)
    assert drain.cells.shape == (3, 5)
    assert drain.cells.dtype == np.uint8
    assert bytes(drain.cells[0]) == b"abc\0\0"
    assert drain.lengths.tolist() == [3, 0, 1]
    assert [bytes(drain.datagram(k)) for k in range(3)] == [b"abc", b"", b"z"]
    assert [drain.source(k) for k in range(3)] == [b"one", b"two", b"three"]
    assert drain.came == 7.5


def test_drain_without_datagrams_has_the_asked_width() -> None:
    drain = Drain.of([], [], 0.0, size=1200)
    assert drain.cells.shape == (0, 1200)
    assert drain.lengths.shape == (0,)
    assert drain.sources.shape == (0,)


def test_drain_grows_to_its_longest_datagram() -> None:
    assert Drain.of([b"1", b"12345"], [b"a", b"b"], 0.0, size=2).cells.shape == (2, 5)


def test_datagram_is_a_view_that_can_be_opened_in_place() -> None:
    drain = Drain.of([b"abc"], [b"here"], 0.0, size=8)
    drain.datagram(0)[0] = ord("x")
    assert bytes(drain.cells[0, :3]) == b"xbc"


@FUZZ
@given(st.lists(st.binary(max_size=ADDRESS_BYTES).map(lambda raw: raw.rstrip(b"\0")), max_size=5))
def test_a_source_comes_back_as_it_was_and_the_same_twice_is_the_same(
    sources: list[bytes],
) -> None:
    drain = Drain.of([b""] * len(sources), sources, 0.0)
    assert [drain.source(k) for k in range(len(sources))] == sources
    for one, source in enumerate(sources):
        assert (drain.sources == drain.sources[one]).tolist() == [o == source for o in sources]


def test_nowhere_is_no_source_that_a_datagram_can_have() -> None:
    drain = Drain.of([b"", b""], [NOWHERE, b"\x02"], 0.0)
    assert (drain.sources == NOWHERE).tolist() == [True, False]
    assert not NOWHERE


@pytest.mark.parametrize("via", ["link", "access"])
def test_burst_names_its_socket(via: str) -> None:
    burst = Burst(np.zeros((2, 3), np.uint8), b"everyone", "link" if via == "link" else "access")
    assert burst.via == via
    assert burst.at == 0.0, "unless said otherwise it goes at once"
