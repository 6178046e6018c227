"""Each rule of random worlds can be broken, and says so; a world as it should be breaks none."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import pytest
from calls import first_call, online
from sizes import BODY_BYTES, CELL_BYTES, TWENTY

from pymix_voice.client.machine import Client
from pymix_voice.client.states import Heard
from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.cast import frame_of
from pymix_voice.lab.simulate import memory, recovery, secrets
from pymix_voice.lab.simulate.frames import Frames
from pymix_voice.lab.simulate.matrices import Matrices
from pymix_voice.lab.simulate.memory import Memory
from pymix_voice.lab.simulate.observed import Observed, Rule
from pymix_voice.lab.simulate.once import Headers, Nonces
from pymix_voice.lab.simulate.recovery import Recovery
from pymix_voice.lab.simulate.secrets import Secrets
from pymix_voice.lab.simulate.wiped import Wiped
from pymix_voice.mix.live import Live
from pymix_voice.mix.machine import Mix
from pymix_voice.onion.cell import CellSealer, Kind
from pymix_voice.onion.chunk import Beside, Sealer
from pymix_voice.zone.access import AccessKeys

pytestmark = pytest.mark.slow

AnyRule = TypeVar("AnyRule", bound=Rule)
FRAME_GAP = 10


@pytest.fixture(scope="module")
def world() -> Iterator[Observed]:
    """Alice and Bob talk; all rules have watched, and have nothing to say."""
    world = Observed([Matrices(), Frames()], mixes=2, seed=41)
    with world.recorded():
        alice, bob, carol = (world.join(name) for name in ("alice", "bob", "carol"))
        first_call(world, alice, bob)
        online(world, carol)
        yield world


@pytest.fixture
def watch(world: Observed) -> Iterator[Callable[[AnyRule], AnyRule]]:
    """Put one more rule in the world, for one test; it knows the parts that there are."""
    before = world.rules

    def watch(rule: AnyRule) -> AnyRule:
        rule.world = world
        for name, part in world.parts.items():
            rule.begun(name, part)
        world.rules = [rule]
        return rule

    yield watch
    world.rules = before


def told(rule: Rule) -> list[str]:
    """What it says; it forgets that."""
    sentences = [violation.sentence for violation in rule.violations]
    rule.violations.clear()
    return sentences


def mix(world: Observed, name: str = "mix1") -> Mix:
    part = world.parts[name]
    assert isinstance(part, Mix)
    return part


def test_a_frame_that_is_heard_twice_late_or_by_others_is_seen(world: Observed) -> None:
    rule = world.rules[1]
    assert isinstance(rule, Frames)
    world.run(1.0)
    assert told(rule) == []
    bob, carol = world.people["bob"], world.people["carol"]
    heard = [each for _, each in bob.heard if each.frame][-1]
    index = int(heard.frame.split(b" ")[1])

    def hears(person: str, frame: bytes, later: int) -> list[str]:
        phone = world.people[person].machine.phone
        phone.heard.append(Heard(heard.number + later, frame))
        world.touch(person)
        return told(rule)

    (twice,) = hears("bob", heard.frame, 0)
    assert "twice" in twice
    (late,) = hears("bob", frame_of("alice", index - 20, BODY_BYTES), FRAME_GAP)
    assert "out of order" in late
    (elsewhere,) = hears("carol", frame_of("alice", index, BODY_BYTES), 0)
    assert "said to somebody else" in elsewhere
    (nobody,) = hears("bob", bytes(BODY_BYTES), 2 * FRAME_GAP)
    assert "nobody said" in nobody
    assert carol.heard
    carol.heard.clear()


def test_two_texts_under_one_nonce_are_seen_in_cells_and_in_rounds(
    world: Observed, watch: Callable[[Nonces], Nonces]
) -> None:
    rule = watch(Nonces())
    world.run(0.5)
    assert told(rule) == []
    cells = CellSealer(bytes(31) + b"c", BODY_BYTES)
    cells.seal(5, Kind.VOICE, bytes(BODY_BYTES))
    cells._last = -1
    cells.seal(5, Kind.VOICE, bytes(BODY_BYTES))
    assert told(rule) == [], "the same bytes again give nothing away"
    cells._last = -1
    cells.seal(5, Kind.CONTROL, bytes(BODY_BYTES))
    assert len(told(rule)) == 1
    rounds = Sealer(b"link", bytes(31) + b"r", TWENTY)
    rounds.seal(7, 1, np.zeros((10, CELL_BYTES), np.uint8), Beside())
    rounds.seal(7, 1, np.ones((10, CELL_BYTES), np.uint8), Beside())
    assert len(told(rule)) == 2, "two chunks"


def test_nothing_is_recorded_after_the_run() -> None:
    other, rule = Observed([], seed=1), Nonces()
    other.rules = [rule]
    before = CellSealer(bytes(31) + b"x", BODY_BYTES)
    before.seal(1, Kind.LOOP, bytes(BODY_BYTES))
    assert not rule._seen


@pytest.mark.parametrize(("source", "destination"), [("gateway1", "alice"), ("mix1", "mix2")])
def test_a_header_with_two_contents_and_an_odd_size_are_seen_from_outside(
    world: Observed, watch: Callable[[Headers], Headers], source: str, destination: str
) -> None:
    rule, sent = watch(Headers()), list[bytes]()

    def tap(a: str, b: str, raw: bytes) -> bytes:
        if (a, b) == (source, destination):
            sent.append(raw)
        return raw

    world.tap = tap
    world.run(0.3)
    world.tap = None
    assert told(rule) == []
    raw = sent[-1]
    world.post(source, destination, raw)
    assert told(rule) == [], "the same datagram again"
    world.post(source, destination, raw[:-1] + bytes([raw[-1] ^ 1]))
    assert told(rule) == [f"two datagrams of {source} have one header"]
    world.post(source, destination, raw[:4] + bytes([raw[4] ^ 8]) + raw[5:] + b"\0")
    assert any(f"has {len(raw) + 1} bytes" in each for each in told(rule))


def test_a_mix_that_loses_a_row_or_sends_a_round_twice_is_seen(
    world: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = world.rules[0]
    assert isinstance(rule, Matrices)
    world.run(0.2)
    assert told(rule) == []
    whole = Mix._send
    with monkeypatch.context() as patched:
        patched.setattr(
            Mix,
            "_send",
            lambda self, peer, number, epoch, cells, flags=0: whole(
                self, peer, number, epoch, cells[:-1], flags
            ),
        )
        world.run(0.1)
    assert any("rows, but" in each for each in told(rule))
    world.run(0.1)
    told(rule)
    with monkeypatch.context() as patched:

        def twice(self: Mix, peer: int, number: int, *rest: Any) -> None:
            whole(self, peer, number, *rest)
            link = self._neighbours.link(peer)
            assert link is not None
            link._sent._claimed.discard(number)
            link._sent.floor = min(link._sent.floor, number - 1)
            whole(self, peer, number, *rest)

        patched.setattr(Mix, "_send", twice)
        world.run(0.1)
    assert any("sealed a round twice" in each for each in told(rule))
    world.run(0.1)
    told(rule)


def test_keys_that_are_dropped_but_not_wiped_or_held_too_long_are_seen(
    world: Observed, watch: Callable[[Wiped], Wiped], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = watch(Wiped())
    rule.look()
    assert told(rule) == []
    client, gateway = world.parts["carol"], world.parts["gateway1"]
    assert isinstance(client, Client)
    assert isinstance(gateway, Gateway)
    pairs, live = client._circuits._pairs, mix(world)._live._by_epoch
    kept = pairs.copy(), live.copy()
    pairs.clear()
    live.clear()
    rule.look()
    assert set(told(rule)) == {
        "mix1 let go of layer keys without wiping",
        "carol let go of a circuit without wiping",
    }
    pairs.update(kept[0])
    live.update(kept[1])
    gateway._entry.sessions.up[gateway._entry.sessions._free[0]] = 1
    rule.look()
    assert told(rule) == ["gateway1 keeps keys of sessions that are gone"]
    gateway._entry.sessions.up[gateway._entry.sessions._free[0]] = 0
    monkeypatch.setattr(Live, "sweep", lambda self, number: None)
    world.run(7.0)
    # Late enough in an epoch that those of the one before are to be gone.
    geometry = world.zone.geometry
    world.run_until(lambda: geometry.within(mix(world).now_round(world.now)) > 150, 4.0)
    rule.look()
    assert told(rule) == [], "it may be the next thing to be done"
    world.run(2.0)
    rule.look()
    assert any("still holds layer keys" in each for each in told(rule))
    monkeypatch.undo()
    world.run(1.0)
    rule.look()
    told(rule)


def test_what_grows_is_seen(
    world: Observed, watch: Callable[[Memory], Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SETTLED_EPOCHS", 0)
    monkeypatch.setattr(memory, "LEAST_EPOCHS", 0)
    rule = watch(Memory(allowance=10, factor=1.0))
    rule.look()
    rule.close()
    assert told(rule) == []
    turns = mix(world)._turns
    turns.update({-number: 0 for number in range(1, 100)})
    rule.close()
    (sentence,) = told(rule)
    assert sentence.startswith("FirstMix._turns of mix1 has grown")
    for number in range(1, 100):
        del turns[-number]


@pytest.mark.parametrize("form", range(len(list(secrets.forms(bytes(range(32)))))))
def test_a_secret_in_any_note_is_seen(
    world: Observed, watch: Callable[[Secrets], Secrets], form: int
) -> None:
    rule = watch(Secrets())
    key = world._keys["alice"].link.private.reveal()
    world.notes["mix2"] = ["all is well"]
    rule.close()
    assert told(rule) == []
    world.notes["mix2"].append(f"its key is {list(secrets.forms(key))[form]}!")
    rule.close()
    assert any(each.startswith("notes of mix2 tells a secret: private key") for each in told(rule))
    world.notes.clear()


def test_a_name_a_session_and_an_object_that_shows_its_keys_are_seen(
    world: Observed, watch: Callable[[Secrets], Secrets], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = watch(Secrets())
    gateway = world.parts["gateway1"]
    assert isinstance(gateway, Gateway)
    session = gateway._entry.sessions.at(int(gateway._entry.sessions.active(0)[0]))
    world.notes["gateway1"] = ["malice came", f"{session.session_id.hex()} is full"]
    rule.close()
    assert [each for each in told(rule) if "a session id" in each]
    world.notes["gateway1"] = ["alice came"]
    rule.close()
    assert told(rule) == ["notes of gateway1 names a person"]
    world.notes.clear()
    monkeypatch.setattr(AccessKeys, "__repr__", tuple.__repr__)
    rule.close()
    sentences = told(rule)
    assert any(each.startswith("a AccessKeys of alice tells") for each in sentences)


def test_calls_and_rows_that_do_not_come_back_are_seen(
    world: Observed, watch: Callable[[Recovery], Recovery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "EPOCHS", 0)
    rule = watch(Recovery())
    rule.calm()
    for _ in range(7):
        world.run(0.5)
        rule.look()
    rule.close()
    assert told(rule) == []
    assert rule.times == [0.0, 0.0]
    # The first mix gives everybody something that nobody can open.
    world.tap = lambda source, _, raw: bytes(1200) if source == "mix1" else raw
    for _ in range(7):
        world.run(0.5)
        rule.look()
    world.tap = None
    rule.close()
    sentences = told(rule)
    assert any("heard 0 frames in the last" in each for each in sentences)
    assert "no cell that carol sends to itself comes back" in sentences


def test_who_is_left_alone_in_a_call_and_not_told_is_seen(
    world: Observed, watch: Callable[[Recovery], Recovery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "LOST_S", 0.0)
    monkeypatch.setattr(recovery, "TOLD_S", 0.0)
    rule = watch(Recovery())
    rule.look()
    assert told(rule) == []
    world.kill("bob")
    for _ in range(3):
        rule.look()
        world.run(0.5)
    assert told(rule)[0].startswith("alice is in a call with nobody")
