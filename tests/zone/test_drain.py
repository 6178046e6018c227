import numpy as np
import pytest

from pymix_voice.zone.drain import Burst, Drain


def test_drain_of_datagrams_is_padded_with_zeros_and_keeps_order() -> None:
    drain = Drain.of([b"abc", b"", b"z"], ["one", "two", "three"], size=5)
    assert drain.cells.shape == (3, 5)
    assert drain.cells.dtype == np.uint8
    assert bytes(drain.cells[0]) == b"abc\0\0"
    assert drain.lengths.tolist() == [3, 0, 1]
    assert [bytes(drain.datagram(k)) for k in range(3)] == [b"abc", b"", b"z"]
    assert drain.sources == ["one", "two", "three"]


def test_drain_without_datagrams_has_the_asked_width() -> None:
    drain = Drain.of([], [], size=1184)
    assert drain.cells.shape == (0, 1184)
    assert drain.lengths.shape == (0,)


def test_drain_grows_to_its_longest_datagram() -> None:
    assert Drain.of([b"1", b"12345"], [0, 1], size=2).cells.shape == (2, 5)


def test_datagram_is_a_view_that_can_be_opened_in_place() -> None:
    drain = Drain.of([b"abc"], [0], size=8)
    drain.datagram(0)[0] = ord("x")
    assert bytes(drain.cells[0, :3]) == b"xbc"


@pytest.mark.parametrize("via", ["link", "access"])
def test_burst_names_its_socket(via: str) -> None:
    burst = Burst(np.zeros((2, 3), np.uint8), "everyone", "link" if via == "link" else "access")
    assert burst.via == via
