"""The parts of a crowd, one by one: layers, onions, sessions, counts."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sizes import CELL_BYTES, TWENTY
from zones import example_zone

from pymix_voice.client.connection import Session
from pymix_voice.geometry import BLOCK_ROUNDS, DOOR_EVERY
from pymix_voice.lab.crowd.cells import Cells
from pymix_voice.lab.crowd.circuits import Epoch, Layers, peers_of
from pymix_voice.lab.crowd.group import Group, Words
from pymix_voice.lab.crowd.kit import Senders
from pymix_voice.lab.crowd.sessions import Table
from pymix_voice.lab.crowd.tally import SETTLED_ROUNDS, Delays, Sort, Tally, percentiles_ms
from pymix_voice.lab.crowd.whole import OnionMint
from pymix_voice.onion.cell import Kind as CellKind
from pymix_voice.onion.cell import open_cell
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.keystream import BACKWARD, FORWARD, combined
from pymix_voice.onion.setup import HopKeys, Klass, open_onion, parse_payload
from pymix_voice.zone.access import AccessKeys, Kind
from pymix_voice.zone.descriptor import Descriptor

DICE = Dice.seeded(11)
NUMBER = 7_123
HOPS = 3


def hops_of(client: int) -> list[HopKeys]:
    dice = DICE.fork(f"hops of {client}")
    return [HopKeys(dice.bytes(32), dice.bytes(32)) for _ in range(HOPS)]


def circuits(calls: float = 0.5) -> Epoch:
    """Six clients' circuits, of which the last has none."""
    epoch = Epoch(30, HOPS, peers_of(6, calls), CELL_BYTES, DICE.fork("epoch"))
    for client in range(5):
        epoch.line.put(client, hops_of(client))
        epoch.door.put(client, hops_of(client + 100))
        epoch.made[client] = True
    return epoch


def all_layers(hops: list[HopKeys], direction: int, step: int) -> NDArray[np.uint8]:
    keys = [hop.forward if direction == FORWARD else hop.backward for hop in hops]
    block, place = divmod(step, BLOCK_ROUNDS)
    layers: NDArray[np.uint8] = combined(keys, direction, block, CELL_BYTES)[place]
    return layers


@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
@pytest.mark.parametrize("every", [1, DOOR_EVERY])
def test_layers_are_those_of_a_single_circuit(direction: int, every: int) -> None:
    layers = Layers(90, HOPS, every, CELL_BYTES)
    for client in range(90):
        layers.put(client, hops_of(client))
    for number in (NUMBER, NUMBER + BLOCK_ROUNDS * every):
        rows = layers.rows(direction, number)
        assert rows is not None
        for client in (0, 39, 40, 89):
            wanted = all_layers(hops_of(client), direction, number // every)
            assert (rows[client] == wanted).all()


def test_layers_are_made_ahead_in_slices_and_old_ones_are_gone() -> None:
    layers = Layers(90, HOPS, 1, CELL_BYTES)
    slices = 0
    while layers.prepare(NUMBER, NUMBER + 100):
        slices += 1
    assert slices == 2 * 2 * 3
    for ahead in (0, BLOCK_ROUNDS):
        assert layers.rows(FORWARD, NUMBER + ahead) is not None
    assert layers.made_late == 0
    layers.rows(FORWARD, NUMBER + 2 * BLOCK_ROUNDS)
    assert layers.made_late == 90
    layers.rows(FORWARD, NUMBER + 3 * BLOCK_ROUNDS)
    assert layers.rows(FORWARD, NUMBER) is None


def test_no_block_is_made_that_no_round_will_need() -> None:
    layers = Layers(10, HOPS, 1, CELL_BYTES)
    while layers.prepare(NUMBER, NUMBER):
        pass
    layers.rows(FORWARD, NUMBER + BLOCK_ROUNDS)
    assert layers.made_late == 10


def test_a_cell_opens_at_the_peer_and_says_who_sent_it_when() -> None:
    peers, epoch = peers_of(6, 0.5), circuits()
    cells = Cells(TWENTY, peers, DICE.fork("cells"))
    out = np.zeros((6, 128), np.uint8)
    everybody = np.arange(6)
    cells.seal(out, Kind.LINE, NUMBER, Senders(slice(0, 6), everybody), epoch)
    bare = [out[client] ^ all_layers(hops_of(client), FORWARD, NUMBER) for client in range(5)]
    kind, body = open_cell(epoch.keys[0].tobytes(), NUMBER, bare[0].tobytes())
    assert (kind, body[:4], body[4:12]) == (CellKind.VOICE, bytes(4), NUMBER.to_bytes(8, "little"))
    kind, body = open_cell(epoch.keys[4].tobytes(), NUMBER, bare[4].tobytes())
    assert (kind, body[0]) == (CellKind.LOOP, 4)

    def back(client: int) -> NDArray[np.uint8]:
        return all_layers(hops_of(client), BACKWARD, NUMBER)

    down = np.stack([bare[1] ^ back(0), bare[0] ^ back(1), bare[4] ^ back(4), bare[3] ^ back(2)])
    heard = cells.read(down, Kind.LINE, NUMBER, np.array([0, 1, 4, 2]), epoch)
    assert heard is not None
    assert heard.places.tolist() == [0, 1, 2]
    assert heard.senders.tolist() == [1, 0, 4]
    assert heard.right.all()


def test_a_cell_of_another_round_or_sender_is_not_right() -> None:
    peers, epoch = peers_of(6, 0.5), circuits(calls=0.0)
    everybody = np.arange(6)
    out = np.zeros((6, 128), np.uint8)
    Cells(TWENTY, peers, DICE).seal(out, Kind.LINE, NUMBER, Senders(slice(0, 6), everybody), epoch)
    for client in range(5):
        out[client] ^= all_layers(hops_of(client), FORWARD, NUMBER)
        out[client] ^= all_layers(hops_of(client), BACKWARD, NUMBER)
    heard = Cells(TWENTY, peers, DICE).read(out, Kind.LINE, NUMBER, everybody, epoch)
    assert heard is not None
    assert heard.places.tolist() == [0, 1, 2, 3, 4]
    assert heard.right.tolist() == [False, False, True, True, True]


def test_onions_open_hop_by_hop_and_are_spread_over_the_rounds() -> None:
    zone = example_zone()
    pairs = [KeyPair.draw(DICE) for _ in range(HOPS)]
    keys = tuple(pair.public for pair in pairs)
    listed = Descriptor(zone.hash, 30, zone.geometry.first_round(30), keys)
    epoch = Epoch(30, HOPS, peers_of(6, 1.0), CELL_BYTES, DICE.fork("epoch"))
    mint = OnionMint(listed, epoch, DICE.fork("onions"))
    mint.want(range(6))
    assert not mint.step()
    for rounds in (3, 2, 1):
        mint.allow(rounds)
        while mint.step():
            pass
    onions = [mint.take(client) for client in range(6)]
    assert epoch.made.all()
    assert mint.take(0) is None
    named = []
    for client, joined in enumerate(onions):
        assert joined is not None
        onion = joined[: len(joined) // 2]
        for hop, pair in enumerate(pairs):
            hop_keys, onion = open_onion(onion, pair, listed.hash, hop, Klass.LINE)
            assert hop_keys.forward == epoch.line.keys_of(client)[hop].forward
        named.append(parse_payload(onion))
    assert named[0::2] == named[1::2]
    assert len(set(named)) == 3


def test_an_onion_that_is_wanted_before_it_is_made_comes_later() -> None:
    zone = example_zone()
    keys = tuple(KeyPair.draw(DICE).public for _ in range(HOPS))
    listed = Descriptor(zone.hash, 30, zone.geometry.first_round(30), keys)
    mint = OnionMint(listed, Epoch(30, HOPS, peers_of(2, 0), CELL_BYTES, DICE), DICE)
    assert mint.take(1) is None
    mint.allow(1)
    while mint.step():
        pass
    onions = mint.take(1)
    assert onions is not None
    assert len(onions) == 2 * zone.geometry.onion_bytes


def test_sessions_are_found_by_their_ids() -> None:
    table = Table(5, example_zone().geometry)
    assert table.find(np.array([1], np.uint32)).tolist() == [-1]
    for client, number in ((3, 900), (0, 70_000), (1, 12)):
        keys = AccessKeys(bytes([client]) * 32, bytes(32))
        table.put(client, Session(number.to_bytes(4, "little"), keys, 5, 0.0), 1.0)
    ids = np.array([12, 900, 70_000, 13, 2**32 - 1], np.uint32)
    assert table.find(ids).tolist() == [1, 3, 0, -1, -1]
    assert sorted(table.by_setup()) == [0, 1, 3]
    table.clear()
    assert table.find(ids).tolist() == [-1] * 5


@pytest.mark.parametrize(
    ("calls", "wanted"),
    [(0.0, [0, 1, 2, 3, 4]), (0.5, [1, 0, 2, 3, 4]), (1.0, [1, 0, 3, 2, 4])],
)
def test_only_whole_pairs_talk(calls: float, wanted: list[int]) -> None:
    assert peers_of(5, calls).tolist() == wanted


def test_what_is_not_heard_in_time_is_missed() -> None:
    tally = Tally(4)
    due = np.array([True, True, False, True])
    tally.expect(NUMBER, slice(0, 4), due)
    tally.hear(NUMBER, np.array([0, 2]))
    assert tally.surplus == 1
    tally.settle(NUMBER, 0, 3)
    assert tally.heard.tolist() == [1, 0, 0, 0]
    assert tally.missed.tolist() == [0, 1, 0, 0]
    tally.hear(NUMBER, np.array([0, 1, 3]))
    assert tally.heard.tolist() == [1, 0, 0, 1]
    assert tally.totals()["expected"] == 3


def test_percentiles_are_in_tenths_of_a_millisecond() -> None:
    delays = Delays()
    assert percentiles_ms(delays.counts[Sort.PEER]) == []
    delays.add(Sort.PEER, np.arange(1, 1001) / 10_000 - 0.00005)
    assert percentiles_ms(delays.counts[Sort.PEER]) == pytest.approx([50.0, 95.0, 99.0], abs=0.11)
    delays.add(Sort.LOOP, np.array([-1.0, 99.0]))
    assert delays.counts[Sort.LOOP].sum() == 2


def steered(words: Words, group: Group, early: list[int], *, apart: bool) -> list[float]:
    """Where a group's instants go, if its members' cells come so early: 1/16 ms.

    Args:
        apart: whether a round goes out between what is said of one and of the next.
    """
    round_s = example_zone().geometry.round_s
    group.start(NUMBER, 10.0)
    instants = []
    for number in range(NUMBER, NUMBER + 2 * SETTLED_ROUNDS):
        instants.append(group.steering.send_at(number) - (number - NUMBER) * round_s)
        group.keep(number, [])
        if apart:
            say(words, number - 1, early[:1])
        group.emit(group.steering.send_at(number))
        if apart:
            say(words, number - 1, early[1:])
        else:
            say(words, number, early)
    return instants


def say(words: Words, number: int, early: list[int]) -> None:
    lows = np.full(len(early), number & 0xFF, np.uint8)
    words.hear(np.full(len(early), 1), lows, np.array(early, np.int16))


@pytest.mark.parametrize("apart", [False, True])
def test_a_group_goes_by_the_word_on_its_latest_member(apart: bool) -> None:
    words = Words(2)
    group = Group(example_zone().geometry, 2, 4, b"gateway", words, 1)
    # One member's cells come 10 ms early, the other's 4, whichever drain the word of it is in.
    instants = steered(words, group, [160, 64], apart=apart)
    assert instants[0] == pytest.approx(9.98)
    assert instants[5] < 9.979
    assert instants[-1] == pytest.approx(10.0 - 0.020 + 0.004 - 0.006, abs=0.02)
    assert not words.told[0].any()
