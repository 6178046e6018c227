import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern, Transport
from pymix_voice.onion.sodium import AEGIS, CHACHA, Cipher
from pymix_voice.zone.control import HANDSHAKE_BYTES, MAX_PEERS, MAX_WAITING_BYTES, ControlLink
from pymix_voice.zone.records import MAX_SETUPS_BYTES, Hello, Record, Setups, Tick, encode

ZONE_HASH = bytes(range(32))
LOW_ORDER = bytes(32)


def pair(label: str) -> KeyPair:
    return KeyPair.draw(Dice.seeded(5).fork(label))


NEIGHBOURS = [pair("gateway 0"), pair("gateway 1")]
INDEX = b"\x01\x00"
"""Of the second neighbour, as it travels."""
ANSWER_BYTES = 2 + 32 + 1 + 16
"""Length, ephemeral key, the cipher, tag."""


def initiator(
    index: int = 1,
    keys: KeyPair | None = None,
    zone_hash: bytes = ZONE_HASH,
    *,
    aegis: bool = False,
) -> ControlLink:
    own = NEIGHBOURS[1] if keys is None else keys
    mix, ephemeral = pair("mix").public, pair("initiator ephemeral")
    return ControlLink(True, zone_hash, own, ephemeral, index, [mix], aegis=aegis)


def responder(ephemeral: str = "responder ephemeral", *, aegis: bool = False) -> ControlLink:
    peers = [neighbour.public for neighbour in NEIGHBOURS]
    return ControlLink(False, ZONE_HASH, pair("mix"), pair(ephemeral), 0, peers, aegis=aegis)


def by_hand(initiates: bool, index: bytes = INDEX) -> Handshake:
    """One end of the handshake, to say what no `ControlLink` would."""
    own, other = (NEIGHBOURS[1], pair("mix")) if initiates else (pair("mix"), NEIGHBOURS[1])
    return Handshake(
        Pattern.KK,
        initiates,
        b"pymix control" + ZONE_HASH + index,
        ephemeral=pair("initiator ephemeral" if initiates else "responder ephemeral"),
        static=own,
        remote_static=other.public,
    )


def framed(frame: bytes) -> bytes:
    return struct.pack("<H", len(frame)) + frame


def exchange(one: ControlLink, other: ControlLink) -> tuple[list[Record], list[Record]]:
    """Carry bytes both ways until none are left; what each of both heard."""
    heard: tuple[list[Record], list[Record]] = ([], [])
    while True:
        up, down = one.outgoing(), other.outgoing()
        if not up and not down:
            return heard
        heard[1].extend(other.receive(up))
        heard[0].extend(one.receive(down))


def established() -> tuple[ControlLink, ControlLink]:
    one, other = initiator(), responder()
    one.send(Hello(5, True))
    exchange(one, other)
    return one, other


def reason(link: ControlLink, chunk: bytes) -> Drop:
    with pytest.raises(BadCell) as caught:
        link.receive(chunk)
    return caught.value.reason


def test_neighbours_say_hello_and_then_talk() -> None:
    one, other = initiator(), responder()
    one.send(Hello(5, True))
    other.send(Hello(7, True))
    assert exchange(one, other) == ([Hello(7, True)], [Hello(5, True)])
    assert [one.established, other.established] == [True, True]
    assert [one.peer, other.peer] == [1, 1]
    other.send(Tick(9, 1.5))
    other.send(Tick(10, 21.5))
    one.send(Setups(3, 0, bytes(MAX_SETUPS_BYTES), b""))
    assert exchange(one, other) == (
        [Tick(9, 1.5), Tick(10, 21.5)],
        [Setups(3, 0, bytes(MAX_SETUPS_BYTES), b"")],
    )


def test_both_ends_have_the_same_link_keys_apart_by_direction() -> None:
    one, other = established()
    assert one.link_keys == other.link_keys
    assert len(set(one.link_keys)) == len(one.link_keys) == 4


@pytest.mark.parametrize("aegis", [False, True])
@pytest.mark.parametrize("size", [1, 7, 51])
def test_stream_may_be_cut_anywhere(size: int, aegis: bool) -> None:
    one, other = initiator(aegis=aegis), responder(aegis=aegis)
    one.send(Hello(5, True))
    heard: list[Record] = []
    for _ in range(3):
        for source, target in ((one, other), (other, one)):
            stream = source.outgoing()
            for at in range(0, len(stream), size):
                heard += target.receive(stream[at : at + size])
    assert heard == [Hello(5, True)]
    assert one.link_keys == other.link_keys


@pytest.mark.parametrize("here", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_rounds_are_sealed_with_aegis_only_if_both_sides_want_it(here: bool, there: bool) -> None:
    one, other = initiator(aegis=here), responder(aegis=there)
    one.send(Hello(5, True))
    exchange(one, other)
    expected = AEGIS if here and there else CHACHA
    assert one.link_keys == other.link_keys
    assert one.link_keys.cipher == expected
    assert len(one.link_keys.forward) == len(one.link_keys.backward) == expected.key_bytes


@pytest.mark.parametrize(
    ("aegis", "answer"),
    [(False, 2), *((aegis, wrong) for aegis in (False, True) for wrong in (0, 3, 4, 6, 128, 255))],
)
def test_an_answer_that_names_no_cipher_the_initiator_offered_is_refused(
    aegis: bool, answer: int
) -> None:
    """A key must not be used under a cipher that only one side chose."""
    one, mix = initiator(aegis=aegis), by_hand(initiates=False)
    mix.read(one.outgoing()[4:])
    assert reason(one, framed(mix.write(bytes([answer])))) is Drop.MALFORMED
    assert not one.established
    with pytest.raises(Misuse):
        _ = one.link_keys


@pytest.mark.parametrize("aegis", [False, True])
@pytest.mark.parametrize(
    ("offer", "cipher"),
    [(0, CHACHA), (1, CHACHA), (2, AEGIS), (3, AEGIS), (0xFC, CHACHA), (0xFF, AEGIS)],
)
def test_of_any_offer_the_responder_takes_what_it_knows_and_else_what_everybody_has(
    offer: int, cipher: Cipher, aegis: bool
) -> None:
    other, gateway = responder(aegis=aegis), by_hand(initiates=True)
    other.receive(INDEX + framed(gateway.write(bytes([offer]))))
    (answer,) = gateway.read(other.outgoing()[2:])
    assert answer == (2 if aegis and cipher == AEGIS else 1)


def test_the_initiator_is_known_by_two_bytes_low_one_first() -> None:
    """A first mix with many workers of many gateways has more than 256 neighbours."""
    peers = [pair("nobody").public] * 0x0203
    peers[0x0102] = NEIGHBOURS[1].public
    one = initiator(index=0x0102)
    other = ControlLink(False, ZONE_HASH, pair("mix"), pair("e"), 0, peers)
    one.send(Hello(5, True))
    first = one.outgoing()
    assert first[:2] == b"\x02\x01"
    heard = [other.receive(first[at : at + 1]) for at in range(len(first))]
    assert heard == [[]] * len(first)
    assert exchange(one, other) == ([], [Hello(5, True)])
    assert one.peer == other.peer == 0x0102


def test_an_index_is_not_taken_for_another_with_the_same_low_byte() -> None:
    peers = [NEIGHBOURS[1].public] * 258
    other = ControlLink(False, ZONE_HASH, pair("mix"), pair("e"), 0, peers)
    first = initiator(index=1).outgoing()
    assert reason(other, b"\x01\x01" + first[2:]) is Drop.FORGED


def test_half_an_index_is_waited_for() -> None:
    other = responder()
    assert other.receive(b"\x01") == []
    assert other.outgoing() == b""
    assert reason(other, b"\xff") is Drop.UNEXPECTED


def test_responder_believes_nothing_before_the_first_record() -> None:
    one, other = initiator(), responder()
    other.send(Hello(7, True))
    other.receive(one.outgoing())
    answer = other.outgoing()
    assert len(answer) == ANSWER_BYTES
    assert not other.established
    for what in ("peer", "link_keys"):
        with pytest.raises(Misuse):
            getattr(other, what)
    one.receive(answer)
    assert [one.established, other.established] == [True, False]
    one.send(Hello(5, True))
    assert exchange(one, other) == ([Hello(7, True)], [Hello(5, True)])


def test_replayed_first_connection_does_not_get_established() -> None:
    one, other = initiator(), responder()
    first = one.outgoing()
    other.receive(first)
    one.receive(other.outgoing())
    one.send(Hello(5, True))
    second = one.outgoing()
    late = responder("another ephemeral")
    late.send(Hello(7, True))
    late.receive(first)
    assert len(late.outgoing()) == ANSWER_BYTES
    assert reason(late, second) is Drop.FORGED
    assert not late.established
    assert late.outgoing() == b""


def test_stranger_wrong_index_and_other_zone_are_refused() -> None:
    assert reason(responder(), initiator(keys=pair("stranger")).outgoing()) is Drop.FORGED
    assert reason(responder(), initiator(index=0).outgoing()) is Drop.FORGED
    assert reason(responder(), initiator(index=2).outgoing()) is Drop.UNEXPECTED
    assert reason(responder(), initiator(zone_hash=bytes(32)).outgoing()) is Drop.FORGED


def test_initiator_refuses_an_impostor() -> None:
    peers = [neighbour.public for neighbour in NEIGHBOURS]
    impostor = ControlLink(False, ZONE_HASH, pair("impostor"), pair("e"), 0, peers)
    assert reason(impostor, initiator().outgoing()) is Drop.FORGED
    assert reason(initiator(), framed(bytes(HANDSHAKE_BYTES))) is Drop.FORGED


def test_low_order_points_are_forged_and_no_crash() -> None:
    first = INDEX + framed(LOW_ORDER + bytes(17))
    assert reason(responder(), first) is Drop.FORGED


def test_stranger_gets_no_large_buffer() -> None:
    assert reason(responder(), INDEX + struct.pack("<H", 65_535)) is Drop.MALFORMED
    for length in (0, HANDSHAKE_BYTES - 1, HANDSHAKE_BYTES + 1):
        assert reason(initiator(), struct.pack("<H", length)) is Drop.MALFORMED
        assert reason(responder(), INDEX + struct.pack("<H", length)) is Drop.MALFORMED


def test_dead_link_stays_dead() -> None:
    one, other = established()
    assert reason(other, struct.pack("<H", 20) + bytes(20)) is Drop.FORGED
    one.send(Hello(6, True))
    assert reason(other, one.outgoing()) is Drop.FORGED
    other.send(Hello(6, True))
    assert other.outgoing() == b""


def test_repeated_and_reordered_records_are_forged() -> None:
    one, other = established()
    one.send(Hello(1, True))
    first = one.outgoing()
    one.send(Hello(2, True))
    second = one.outgoing()
    assert other.receive(first) == [Hello(1, True)]
    assert reason(other, first) is Drop.FORGED
    one, other = established()
    assert reason(other, second) is Drop.FORGED


def send_for_long(link: ControlLink) -> None:
    for _ in range(MAX_WAITING_BYTES // MAX_SETUPS_BYTES + 1):
        link.send(Setups(1, 0, bytes(MAX_SETUPS_BYTES), b""))


def test_neighbour_that_does_not_read_is_given_up() -> None:
    for link in (established()[0], responder()):
        with pytest.raises(BadCell, match="full"):
            send_for_long(link)
        assert link.outgoing() == b""


def test_neighbour_that_reads_may_be_sent_to_for_ever() -> None:
    one, _ = established()
    for _ in range(8):
        for _ in range(MAX_WAITING_BYTES // MAX_SETUPS_BYTES // 4):
            one.send(Setups(1, 0, bytes(MAX_SETUPS_BYTES), b""))
        assert len(one.outgoing()) > 0


def test_arguments_that_do_not_go_together_are_misuse() -> None:
    with pytest.raises(Misuse):
        ControlLink(True, ZONE_HASH, pair("a"), pair("b"), 0, [])
    for index in (-1, MAX_PEERS):
        with pytest.raises(Misuse):
            ControlLink(True, ZONE_HASH, pair("a"), pair("b"), index, [bytes(32)])
    with pytest.raises(Misuse):
        ControlLink(False, ZONE_HASH, pair("a"), pair("b"), 0, [bytes(32)] * (MAX_PEERS + 1))


def test_used_ephemeral_is_wiped_and_nothing_shows_in_a_repr() -> None:
    ephemeral = pair("once")
    peers = [neighbour.public for neighbour in NEIGHBOURS]
    other = ControlLink(False, ZONE_HASH, pair("mix"), ephemeral, 0, peers)
    other.receive(initiator().outgoing())
    with pytest.raises(Misuse):
        ephemeral.private.reveal()
    assert repr(other) == "ControlLink(established=False)"


def outcome(link: ControlLink, chunks: list[bytes]) -> list[Record] | Drop:
    heard: list[Record] = []
    try:
        for chunk in chunks:
            heard += link.receive(chunk)
    except BadCell as error:
        return error.reason
    return heard


@FUZZ
@given(st.lists(st.binary(max_size=150), max_size=4), st.booleans())
def test_any_bytes_before_the_handshake_are_bad_or_wait(chunks: list[bytes], first: bool) -> None:
    link = initiator() if first else responder()
    found = outcome(link, chunks)
    assert found == [] or isinstance(found, Drop)
    assert not link.established


@FUZZ
@given(st.lists(st.binary(max_size=150), max_size=4), st.booleans())
def test_any_bytes_after_the_handshake_are_bad_or_wait(chunks: list[bytes], first: bool) -> None:
    found = outcome(established()[0 if first else 1], chunks)
    assert found == [] or isinstance(found, Drop)


@FUZZ
@given(st.data())
def test_any_flipped_bit_of_the_whole_exchange_is_found(draw: st.DataObject) -> None:
    one, other = initiator(), responder()
    one.send(Hello(5, True))
    turn = draw.draw(st.sampled_from(["first", "answer", "record"]))
    found: list[list[Record] | Drop] = []
    for name, source, target in (
        ("first", one, other),
        ("answer", other, one),
        ("record", one, other),
    ):
        stream = bytearray(source.outgoing())
        if name == turn and stream:
            stream[draw.draw(st.integers(0, len(stream) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
        found.append(outcome(target, [bytes(stream)]))
    assert all(isinstance(part, Drop) or part == [] for part in found)
    assert not other.established


@FUZZ
@given(st.binary(max_size=100) | st.sampled_from([encode(Hello(5, True)), encode(Tick(1, 2.0))]))
def test_authentic_frames_with_any_bytes_inside_are_records_or_bad(plain: bytes) -> None:
    # What an honest cipher carries may still be nonsense: a neighbour is not trusted either.
    other, handshake = responder(), by_hand(initiates=True)
    other.receive(INDEX + framed(handshake.write(b"\x01")))
    handshake.read(other.outgoing()[2:])
    sealed = Transport(*handshake.split()).seal(plain)
    found = outcome(other, [framed(sealed)])
    assert found is Drop.MALFORMED or (not isinstance(found, Drop) and len(found) == 1)
    assert other.link_keys == LinkKeys.of(handshake, CHACHA)
