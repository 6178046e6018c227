"""Cells, as only two peers can open them: of one size, whatever they carry.

    voice, control, loop   sealed (kind 1 | body) | tag 16      nonce = round 8 | 0 0 0 0
    dialing                salt 16 | sealed (text) | tag 16     nonce = 0, a key per salt

In rounds of 20 ms a cell has 128 bytes: body 111, text 96, exactly the first text of Noise IK.
What is shorter is padded with zeros.

A cell key seals one body a round. A dialing cell has a fresh salt, and so a key of its own,
since one pair key serves a whole epoch. All of them look random to everybody else.

Source: the project's protocol page, "Cells" and "Call keys".

Must not know: layers, hops, who the peer is, what a body means.
"""

from enum import IntEnum

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import TAG_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.keys import Secret, derive

SALT_BYTES = 16
_NO_NONCE = bytes(sodium.NONCE_BYTES)
_MAX_ROUND = (1 << 64) - 1


class Kind(IntEnum):
    """What a cell carries. All kinds have one size, and only the peer sees which it is."""

    VOICE = 1
    CONTROL = 2
    LOOP = 3


class CellSealer:
    """Seals cells under one key, at most one a round.

    Args:
        key: 32 bytes, for one direction and path.
        body_bytes: the size of a body in this zone.
    """

    def __init__(self, key: bytes, body_bytes: int) -> None:
        self._key = Secret(key)
        self._body_bytes = body_bytes
        self._last = -1

    def seal(self, number: int, kind: Kind, body: bytes) -> bytes:
        """Seal the one cell of a round.

        Args:
            number: the round.
            kind: what it carries.
            body: what it says, padded with zeros to the size of a body.

        Returns:
            The cell.

        Raises:
            Misuse: this round or a later one was sealed before (the nonce is the round: two
                bodies under one nonce would give both away), or the body is too long.
        """
        if number <= self._last:
            raise Misuse("a cell key seals one body a round, and rounds only go forward")
        if len(body) > self._body_bytes:
            raise Misuse(f"a body has {self._body_bytes} bytes, not {len(body)}")
        plain = bytes([kind]) + body.ljust(self._body_bytes, b"\0")
        sealed = sodium.seal(self._key.reveal(), _nonce(number), plain)
        self._last = number
        return sealed

    def wipe(self) -> None:
        """Zero the key; nothing can be sealed any more."""
        self._key.wipe()

    def __repr__(self) -> str:
        return "CellSealer()"


def open_cell(key: bytes, number: int, cell: bytes) -> tuple[Kind, bytes]:
    """Open the cell of a round.

    Returns:
        Its kind, and its body.

    Raises:
        BadCell: it is too short or of an unknown kind (malformed), or was not sealed with
            this key in this round (forged): filler, somebody else's, or garbled.
    """
    if len(cell) <= TAG_BYTES:
        raise BadCell(Drop.MALFORMED)
    plain = sodium.open_(key, _nonce(number), cell)
    try:
        return Kind(plain[0]), plain[1:]
    except ValueError:
        raise BadCell(Drop.MALFORMED) from None


def seal_dialing(
    pair_key: bytes, role: int, salt: bytes, number: int, text: bytes, cell_bytes: int
) -> bytes:
    """Seal a cell of the dialing handshake.

    Args:
        pair_key: what caller and callee share before they talk (or a door key, 16 bytes).
        role: who seals, so that an own cell coming back does not open as the peer's.
        salt: 16 fresh random bytes.
        number: the door round.
        text: what it says, padded with zeros to what a cell has room for.
        cell_bytes: the size of a cell in this zone.

    Returns:
        The cell.

    Raises:
        Misuse: the salt has another size, or the text is too long.
    """
    room = cell_bytes - SALT_BYTES - TAG_BYTES
    if len(salt) != SALT_BYTES or len(text) > room:
        raise Misuse(f"a dialing cell has a salt of 16 bytes and a text of {room}")
    padded = text.ljust(room, b"\0")
    return salt + sodium.seal(_dial_key(pair_key, role, salt, number), _NO_NONCE, padded)


def open_dialing(pair_key: bytes, role: int, number: int, cell: bytes) -> bytes:
    """Open a cell of the dialing handshake that the other role sealed in this round.

    Args:
        pair_key: as for `seal_dialing`.
        role: who sealed it.
        number: the door round.
        cell: from the network.

    Returns:
        The text, padded.

    Raises:
        BadCell: it is too short (malformed) or does not open (forged).
    """
    if len(cell) < SALT_BYTES + TAG_BYTES:
        raise BadCell(Drop.MALFORMED)
    key = _dial_key(pair_key, role, cell[:SALT_BYTES], number)
    return sodium.open_(key, _NO_NONCE, cell[SALT_BYTES:])


def _dial_key(pair_key: bytes, role: int, salt: bytes, number: int) -> bytes:
    return derive(pair_key, "pymix dial", bytes([role]), salt, number.to_bytes(8, "little"))


def _nonce(number: int) -> bytes:
    if not 0 <= number <= _MAX_ROUND:
        raise Misuse("a round is a number of 64 bits")
    return number.to_bytes(8, "little") + bytes(4)
