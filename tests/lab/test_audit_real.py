"""A recording of real processes: what was seen and what was told come together rightly."""

import numpy as np
import pytest
from zones import example_zone

from pymix_voice.lab.audit.audience import Audience, Options, options
from pymix_voice.lab.audit.capture import Call
from pymix_voice.lab.audit.real import recording_of
from pymix_voice.lab.relay.witness import Seen

GATEWAY, ALICE, BOB, BOB_AGAIN = range(4)
SEEN = Seen(
    ("gateway1", ":5001", ":5002", ":5003"),
    np.array([3.0, 1.0, 2.0, 4.0]),
    np.array([GATEWAY, ALICE, BOB, BOB_AGAIN]),
    np.array([ALICE, GATEWAY, GATEWAY, GATEWAY]),
    np.array([176, 152, 152, 152]),
)
TOLD = {
    "here": [
        {"who": 0, "port": 5001, "t": 0.0},
        {"who": 1, "port": 5002, "t": 0.0},
        {"who": 2, "port": 5009, "t": 0.0},
        {"who": 1, "port": 5003, "t": 3.5},
    ],
    "gone": [{"who": 1, "t": 3.0}],
    "pair": [{"who": 0, "peer": 1, "t": 0.1}],
    "talking": [{"who": 0, "t": 1.5}, {"who": 1, "t": 1.2}, {"who": 0, "t": 8.0}],
    "silent": [{"who": 1, "t": 2.9}, {"who": 0, "t": 3.1}],
}


def test_who_comes_back_is_another_client_and_a_call_is_when_both_talk() -> None:
    zone = example_zone()
    number = 7 * zone.geometry.epoch_rounds + 10
    figures = {"forward_round": number, "forward_at": 2.0}
    found = recording_of(SEEN, TOLD, figures, zone, 0.5, 9.0)
    capture = found.capture
    assert [capture.ends[end] for end in capture.clients] == [":5001", ":5002", ":5003"]
    assert capture.up(0).at.tolist() == [1.0]
    assert capture.down(0).sizes.tolist() == [176]
    assert capture.at.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert capture.epoch_at == pytest.approx(2.0 - 10 * zone.geometry.round_s)
    # The one who was not seen is none; a call that only one side speaks of is none.
    assert found.truth.calls == (Call(0, 1, 1.5, 2.9),)


def test_an_audience_calls_in_pairs_and_others_come_and_go() -> None:
    wanted = options(["zone.toml", "--people", "20", "--seed", "3"])
    assert isinstance(wanted, Options)
    audience = Audience(example_zone(), wanted)
    assert len(audience.pairs) == 5
    assert len(audience.goers) == 2
    talkers = {person.who for pair in audience.pairs for person in pair}
    assert talkers.isdisjoint(person.who for person in audience.goers)
