"""Each step of a round, timed by itself."""

from pymix_voice.lab.throughput.steps import steps
from pymix_voice.onion.sodium import CHACHA


def test_all_steps_of_a_round_are_timed() -> None:
    took = steps(30, CHACHA)
    assert set(took) == {
        "collect",
        "keystream",
        "open",
        "receive",
        "seal",
        "send",
        "xor and gather",
    }
    assert all(ns > 0 for ns in took.values())
