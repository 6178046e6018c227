"""The control link between neighbours of the chain: a stream of sealed records.

    initiator → responder   index 2 LE              which of the responder's neighbours this is
    both                    length 2 LE | frame     two Noise KK texts, then sealed records

The index is part of the handshake's prologue. In the first text the initiator says which
ciphers it would take for rounds, in the second the responder which one it is. The responder
believes in the other side, sends records and gives out link keys only after the first record
opened: the first Noise text alone may be a replay. Source: Noise revision 34, pattern KK; the
project's protocol page, section "Mix links".

Must not know: TCP, which records may come when, what they mean.
"""

import struct
from collections.abc import Sequence
from typing import Final

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import KEY_BYTES, TAG_BYTES
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.keys import KeyPair
from pymix_voice.onion.noise import Handshake, Pattern, Transport
from pymix_voice.onion.sodium import AEGIS, CHACHA, Cipher
from pymix_voice.zone.records import Record, encode, parse_record

PROLOGUE = b"pymix control"
HANDSHAKE_BYTES = KEY_BYTES + 1 + TAG_BYTES
"""Either KK text, with one byte in it."""
CIPHERS: Final = {1: CHACHA, 2: AEGIS}
"""Ciphers for rounds, by the bit that stands for each."""
MAX_WAITING_BYTES = 16 << 20
"""A neighbour that leaves more than this unread is gone."""

MAX_PEERS = 1 << 16

_LENGTH = struct.Struct("<H")
_INDEX = struct.Struct("<H")


class ControlLink:
    """One end of a control link; lives as long as its TCP connection.

    Feed what TCP brings to `receive`, then send what `outgoing` gives; both also at the start,
    as the initiator speaks first.

    Args:
        initiator: whether this side opened the connection.
        zone_hash: 32 bytes; another zone file fails the handshake.
        keys: this side's link key.
        ephemeral: a fresh key, used for nothing else.
        index: the initiator's number at the responder; of no use to a responder.
        peers: link public keys that may answer or knock: an initiator's single one, or all
            of a responder's, by index.
        aegis: whether this side would rather have AEGIS-128L for rounds: if the other side
            would too, so it is.

    Raises:
        Misuse: the arguments do not go together.
    """

    def __init__(
        self,
        initiator: bool,
        zone_hash: bytes,
        keys: KeyPair,
        ephemeral: KeyPair,
        index: int,
        peers: Sequence[bytes],
        *,
        aegis: bool = False,
    ) -> None:
        if not 0 <= index < MAX_PEERS or (initiator and len(peers) != 1) or len(peers) > MAX_PEERS:
            raise Misuse("a control link has one responder, and indices of two bytes")
        self._initiator = initiator
        self._zone_hash = zone_hash
        self._keys = keys
        self._ephemeral = ephemeral
        self._peers = tuple(peers)
        self._takes = 1 | aegis << 1
        self._index: int | None = None
        self._handshake: Handshake | None = None
        self._transport: Transport | None = None
        self._link_keys: LinkKeys | None = None
        self._established = False
        self._failure: Drop | None = None
        self._received = bytearray()
        self._outgoing = bytearray()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        if initiator:
            self._outgoing += _INDEX.pack(index)
            self._send_frame(self._begin(index, self._peers[0]).write(bytes([self._takes])))

    def __repr__(self) -> str:
        return f"ControlLink(established={self._established})"

    @property
    def established(self) -> bool:
        """Whether the other side has proven itself and records flow both ways."""
        return self._established

    @property
    def peer(self) -> int:
        """The initiator's index, at both ends.

        Raises:
            Misuse: this is a responder that nobody has proven anything to.
        """
        if self._index is None or not (self._established or self._initiator):
            raise Misuse("nobody has proven yet to be at the other end of this link")
        return self._index

    @property
    def link_keys(self) -> LinkKeys:
        """The keys for this link's rounds.

        Raises:
            Misuse: the link is not established.
        """
        if not self._established or self._link_keys is None:
            raise Misuse("link keys are there once the link is established")
        return self._link_keys

    # ── bytes in ─────────────────────────────────────────────────────────────────────────

    def receive(self, chunk: bytes) -> list[Record]:
        """Take what TCP brought.

        Returns:
            The records that are complete by now, in order.

        Raises:
            BadCell: the other side is not who or what it should be. The link is dead then: it
                raises again whatever comes, and sends nothing more.
        """
        if self._failure is not None:
            raise BadCell(self._failure)
        self._received += chunk
        records: list[Record] = []
        try:
            self._take_index()
            while (frame := self._take_frame()) is not None:
                if self._transport is None:
                    self._take_handshake(frame)
                else:
                    records.append(self._take_record(self._transport, frame))
        except BadCell as error:
            self._fail(error.reason)
            raise
        return records

    def _take_index(self) -> None:
        if self._handshake is None and len(self._received) >= _INDEX.size:
            (index,) = _INDEX.unpack_from(self._received)
            del self._received[: _INDEX.size]
            if index >= len(self._peers):
                raise BadCell(Drop.UNEXPECTED)
            self._begin(index, self._peers[index])

    def _take_frame(self) -> bytes | None:
        if self._handshake is None or len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        # Checked before the rest is waited for: a stranger gets no buffer of 64 KiB.
        if self._transport is None and length != HANDSHAKE_BYTES:
            raise BadCell(Drop.MALFORMED)
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        frame = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return frame

    def _take_handshake(self, frame: bytes) -> None:
        if self._handshake is None:
            raise Misuse("a handshake begins with its index")
        (said,) = self._handshake.read(frame)
        cipher = self._agree(said)
        if not self._initiator:
            self._send_frame(self._handshake.write(bytes([_bit_of(cipher)])))
        forward, backward = self._handshake.split()
        self._link_keys = LinkKeys.of(self._handshake, cipher)
        ways = (forward, backward) if self._initiator else (backward, forward)
        self._transport = Transport(*ways)
        self._ephemeral.wipe()
        if self._initiator:
            self._establish(self._transport)

    def _agree(self, said: int) -> Cipher:
        """The cipher for rounds: the responder chooses among what both take."""
        if self._initiator:
            if said not in CIPHERS or not said & self._takes:
                raise BadCell(Drop.MALFORMED)
            return CIPHERS[said]
        both = said & self._takes
        return AEGIS if both & _bit_of(AEGIS) else CHACHA

    def _take_record(self, transport: Transport, frame: bytes) -> Record:
        plain = transport.open(frame)
        if not self._established:
            self._establish(transport)
        return parse_record(plain)

    # ── bytes out ────────────────────────────────────────────────────────────────────────

    def send(self, record: Record) -> None:
        """Send a record; before the link is established it waits. A dead link forgets it.

        Raises:
            BadCell: FULL, if the other side does not read; the link is dead then.
        """
        if self._failure is not None:
            return
        plain = encode(record)
        if self._established and self._transport is not None:
            self._send_frame(self._transport.seal(plain))
        else:
            self._waiting.append(plain)
            self._waiting_bytes += len(plain)
        if len(self._outgoing) + self._waiting_bytes > MAX_WAITING_BYTES:
            self._fail(Drop.FULL)
            raise BadCell(Drop.FULL)

    def outgoing(self) -> bytes:
        """What TCP should send now; it is not given twice."""
        taken = bytes(self._outgoing)
        self._outgoing.clear()
        return taken

    def _send_frame(self, frame: bytes) -> None:
        self._outgoing += _LENGTH.pack(len(frame)) + frame

    # ── states ───────────────────────────────────────────────────────────────────────────

    def _begin(self, index: int, remote_static: bytes) -> Handshake:
        self._index = index
        self._handshake = Handshake(
            Pattern.KK,
            self._initiator,
            PROLOGUE + self._zone_hash + _INDEX.pack(index),
            ephemeral=self._ephemeral,
            static=self._keys,
            remote_static=remote_static,
        )
        return self._handshake

    def _establish(self, transport: Transport) -> None:
        self._established = True
        for plain in self._waiting:
            self._send_frame(transport.seal(plain))
        self._waiting.clear()
        self._waiting_bytes = 0

    def _fail(self, reason: Drop) -> None:
        self._failure = reason
        self._ephemeral.wipe()
        for held in (self._received, self._outgoing, self._waiting):
            held.clear()
        self._waiting_bytes = 0


def _bit_of(cipher: Cipher) -> int:
    return next(bit for bit, each in CIPHERS.items() if each == cipher)
