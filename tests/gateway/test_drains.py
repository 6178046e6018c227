"""Drains: what comes together is taken as it would be one by one."""

from typing import NamedTuple

from gatewayrig import EPOCH, GEOMETRY, ZONE, Rig
from hypothesis import given, settings
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.client.connection import Connection
from pymix_voice.errors import Drop
from pymix_voice.onion.dice import Dice
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind
from pymix_voice.zone.drain import Address
from pymix_voice.zone.records import Published

NAMES = ("ann", "bob", "cleo")
WHAT = ("line", "line", "line", "door", "challenge", "set-up", "hello", "forged", "odd", "strange")


class Said(NamedTuple):
    """A datagram to be made: by whom, of what sort, how many rounds ahead, from where."""

    who: int
    what: str
    ahead: int
    source: Address


SAID = st.builds(
    Said,
    st.integers(0, len(NAMES) - 1),
    st.sampled_from(WHAT),
    st.sampled_from([1, 1, 2, 3, 0, -4, 11, 70]),
    st.sampled_from([b"ann", b"bob", b"cleo", b"train"]),
)


class Door:
    """A gateway, its guests, and the challenge that each was asked last."""

    def __init__(self) -> None:
        self.rig = rig = Rig()
        self.guests = [rig.guest(name) for name in NAMES]
        self.asked = [bytes(access.CHALLENGE_BYTES)] * len(NAMES)
        rig.gateway.receive_control(Published(EPOCH + 1, bytes(256)), rig.now)
        while GEOMETRY.within(rig.last) < GEOMETRY.setup_from:
            if rig.last % 20 == 0:
                known = self.guests[:2]
                rig.hear([(each.say(Kind.LINE, rig.last + 1), b"ann") for each in known])
            rig.go()
        rig.down.clear()

    def one_round(self) -> list[tuple[Address, bytes]]:
        """What leaves in a round, and because of what was heard before it."""
        number = self.rig.go()
        self.rig.give_back(number, self.rig.up[number][1][::-1])
        for index, guest in enumerate(self.guests):
            for _, datagram in self.rig.down:
                if datagram[:4] == guest.session.session_id:
                    status = access.parse_status(guest.open(datagram).status)
                    if status.challenged:
                        self.asked[index] = status.piece[: access.CHALLENGE_BYTES]
        down, self.rig.down = self.rig.down, []
        return [*down, (b"mix", self.rig.up[number][1].tobytes())]

    def datagram(self, said: Said) -> bytes:
        guest, number = self.guests[said.who], self.rig.last + said.ahead
        line = guest.say(Kind.LINE, number)
        match said.what:
            case "line":
                return line
            case "door":
                return guest.say(Kind.DOOR, number - number % 10)
            case "challenge":
                return guest.answer(number, self.asked[said.who])
            case "set-up":
                return guest.set_up(EPOCH + 1)
            case "hello":
                dice = Dice.seeded(b"%d %d" % (said.who, said.ahead))
                hello = Connection(ZONE, 0, dice, 0.0).try_again(0.0)
                assert hello is not None
                return hello
            case "forged":
                return line[:-1] + bytes([line[-1] ^ 1])
            case "odd":
                return line[:4] + bytes([Kind.SETUP + said.who * 3]) + line[5:]
            case _:
                return b"none" + line[4:] + bytes(said.who)


def in_order(drain: list[Said]) -> tuple[list[Said], list[Said]]:
    """A drain as it may come, and the order in which a gateway takes what is in it.

    Answers to challenges go first and what is rare last. A client's door leaves after its line:
    a line that a door of its round has overtaken is not measured.
    """
    drain = sorted(drain, key=lambda said: said.what == "door")
    order = {"challenge": 0, "set-up": 2, "hello": 2, "strange": 2}
    return drain, sorted(drain, key=lambda said: order.get(said.what, 1))


@settings(parent=FUZZ, max_examples=60)
@given(st.lists(st.lists(SAID, max_size=8), min_size=1, max_size=5))
def test_a_drain_does_what_its_datagrams_would_do_one_by_one(drains: list[list[Said]]) -> None:
    one, other = Door(), Door()
    for drain in drains:
        together, apart = in_order(drain)
        one.rig.hear([(one.datagram(said), said.source) for said in together])
        for datagram, source in [(other.datagram(said), said.source) for said in apart]:
            other.rig.hear([(datagram, source)])
        assert one.one_round() == other.one_round()
        assert one.rig.gateway.said() == other.rig.gateway.said()
    # Of a cell that came twice in one drain only one is seen at all.
    drops, apart_drops = one.rig.gateway.drops, other.rig.gateway.drops
    assert drops.pop(Drop.REPLAYED, 0) <= apart_drops.pop(Drop.REPLAYED, 0)
    assert drops == apart_drops
