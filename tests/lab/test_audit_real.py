"""A recording of real processes: what was seen and what was told come together rightly."""

from pathlib import Path
from signal import SIGTERM

import msgspec
import numpy as np
import pytest
from zones import example_zone

from pymix_voice.client.identity import door_drop
from pymix_voice.lab.audit.audience import Audience, Options, options
from pymix_voice.lab.audit.capture import Call
from pymix_voice.lab.audit.insiders import NOBODY
from pymix_voice.lab.audit.notes import Page, Pages, read_page
from pymix_voice.lab.audit.real import CORRUPTED, ENDS_S, MIXES, recording_of, with_insiders
from pymix_voice.lab.processes import parts_in
from pymix_voice.lab.relay.witness import Seen
from pymix_voice.lab.zoning import START_S, make_zone
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.keyfile import new_key

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


def test_what_corrupt_parts_wrote_is_of_the_clients_that_the_observer_sees() -> None:
    zone = example_zone()
    geometry = zone.geometry
    present, door = 7, new_key("identity", "alice", Dice.seeded(1)).address.door_key
    number = present * geometry.epoch_rounds + 10
    figures = {"forward_round": number, "forward_at": 10 * geometry.round_s}
    began = -1.5 * geometry.epoch_s
    found = recording_of(SEEN, TOLD, figures, zone, began, 2.5 * geometry.epoch_s)
    # Two epochs before it began too early, the one after is not over; the rest is whole.
    epochs = range(present - 2, present + 3)
    orders = {epoch: [1, 0, 2] for epoch in epochs}
    rounds = [epoch * geometry.epoch_rounds for epoch in epochs]
    pages = Pages(
        Page(
            whose={epoch: [":9003", ":9001", "", ":9009"] for epoch in epochs},
            present={each: (geometry.epoch_of(each), [True, False, True, True]) for each in rounds},
        ),
        Page(orders={epoch: [1, 3, 0, 2, 4] for epoch in epochs}, changed={rounds[2]: 1}),
        Page(orders=orders),
        Page(
            orders={epoch: [2, 1, 0] for epoch in epochs},
            odd={each: (geometry.epoch_of(each), [0.0, 1.0, 0.0]) for each in rounds},
            differs={rounds[2]: 2},
            doors={epoch: [bytes(16), door_drop(door, epoch)] for epoch in epochs},
            spoils={present: [1]},
        ),
    )
    here = [
        {**each, "door": door.hex() if each["who"] == 0 else "00" * 32} for each in TOLD["here"]
    ]
    here = [{**each, "t": began - 1} for each in here]
    fronts = {":9001": ":5001", ":9003": ":5003", ":9009": ":6000"}
    insiders = with_insiders(found, pages, here, fronts, figures, zone).insiders
    assert insiders is not None
    assert [epoch.number for epoch in insiders.epochs] == [present - 1, present, present + 1]
    one = insiders.epochs[1]
    assert one.begin == pytest.approx(0)
    assert one.end == pytest.approx(geometry.epoch_s)
    # The last row is the first mix's own; the third client was not seen, the fourth is nobody's.
    assert one.rows.tolist() == [0, NOBODY, 2, NOBODY, NOBODY]
    assert one.present.tolist() == [[False, True, True, True, True]]
    assert one.doors.tolist() == [NOBODY, 0]
    assert (one.replayed, one.garbled) == (((1, 2),), (1,))
    assert insiders.truth_rows[1].tolist() == [1, 0, 2]


@pytest.mark.live
@pytest.mark.parametrize("name", ["gateway1", "mix1", "mix2", "mix3"])
async def test_a_corrupt_part_serves_and_writes_its_page_at_the_end(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "some.page"
    async with parts_in(tmp_path) as parts:
        await make_zone(parts, tmp_path / "zone", MIXES, 4)
        words = [name, str(tmp_path / "zone"), "--page", str(path)]
        part = parts.start(name, *words, command=CORRUPTED)
        # Figures come once it listens to signals; a note may come before.
        await part.until("figures", within_s=START_S)
        part.no_longer_needed()
        part.signal(SIGTERM)
        await part.finished(within_s=ENDS_S)
    page = read_page(path)
    # Nobody was there: a gateway has rounds by itself, but no rows in them.
    assert msgspec.structs.replace(page, present={}) == Page()
    assert not any(came for _, came in page.present.values())
    assert bool(page.present) == (name == "gateway1")


def test_an_audience_calls_in_pairs_and_others_come_and_go() -> None:
    wanted = options(["zone.toml", "--people", "20", "--seed", "3"])
    assert isinstance(wanted, Options)
    audience = Audience(example_zone(), wanted)
    assert len(audience.pairs) == 5
    assert len(audience.goers) == 2
    talkers = {person.who for pair in audience.pairs for person in pair}
    assert talkers.isdisjoint(person.who for person in audience.goers)
