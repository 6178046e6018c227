"""Sphinx: measured if the package is there, and missed quietly if not."""

import pytest

from pymix_voice.lab.peers import sphinx
from pymix_voice.lab.peers.measured import Measured, PeerError


@pytest.mark.skipif(sphinx.available(), reason="the package is there")
async def test_without_the_package_there_is_nothing_to_measure() -> None:
    assert sphinx.measure(0.01) is None
    assert await sphinx.measure_apart(0.01) is None


@pytest.mark.skipif(not sphinx.available(), reason="needs sphinxmix")
async def test_a_packet_goes_through_all_its_hops() -> None:
    """In a process of its own, as the benchmark has it."""
    measured = await sphinx.measure_apart(0.05)
    assert measured is not None
    assert measured.verified == 1
    assert measured.cells_per_second > 0


@pytest.mark.skipif(not sphinx.available(), reason="needs sphinxmix")
async def test_a_package_that_opens_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    async def fails(command: object, seconds: float) -> Measured:
        tried.append(command)
        raise PeerError("a peer ended with 1: MAC mismatch")

    monkeypatch.setattr(sphinx, "measured_by", fails)
    assert await sphinx.measure_apart(0.01) is None
    assert len(tried) == sphinx.PROCESSES
