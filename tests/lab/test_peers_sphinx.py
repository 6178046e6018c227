"""Sphinx: measured if the package is there, and missed quietly if not."""

import pytest

from pymix_voice.lab.peers import sphinx


@pytest.mark.skipif(sphinx.available(), reason="the package is there")
def test_without_the_package_there_is_nothing_to_measure() -> None:
    assert sphinx.measure(0.01) is None


@pytest.mark.skipif(not sphinx.available(), reason="needs sphinxmix")
@pytest.mark.filterwarnings("ignore:encoding is deprecated:PendingDeprecationWarning")
def test_a_packet_goes_through_all_its_hops() -> None:
    measured = sphinx.measure(0.05)
    assert measured is not None
    assert measured.verified == 1
    assert measured.cells_per_second > 0
