"""The Noise Protocol Framework, revision 34: N, NK, KK and IK over 25519_ChaChaPoly_BLAKE2b.

N seals one layer of a set-up onion, NK is a client to its gateway, KK two neighbours of the
chain, IK a caller to a callee. Two things differ from a textbook: a failed read leaves the
handshake as it was, so that a forged text cannot break a handshake that a genuine one would
finish; and a write comes in halves, so that the costly part is done before its payload is known.

Names follow the Noise paper (sections 5 and 7). Must not know: sockets, what payloads mean.
"""

from enum import Enum
from hashlib import blake2b
from typing import NamedTuple

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import KEY_BYTES, TAG_BYTES
from pymix_voice.onion import curves, sodium
from pymix_voice.onion.keys import KeyPair

MAX_BYTES = 65_535
"""The longest text of a handshake or transport."""

_HASH_BYTES = 64
_BLOCK_BYTES = 128
_MAX_NONCE = (1 << 64) - 1
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Pattern(Enum):
    """Whose static key is known before (initiator's, responder's), and each text's tokens."""

    N = (False, True, ("e es",))
    NK = (False, True, ("e es", "e ee"))
    KK = (True, True, ("e es ss", "e ee se"))
    IK = (False, True, ("e es s ss", "e ee se"))

    def __init__(
        self, knows_initiator: bool, knows_responder: bool, texts: tuple[str, ...]
    ) -> None:
        self.knows_initiator = knows_initiator
        self.knows_responder = knows_responder
        self.texts = tuple(tuple(text.split()) for text in texts)

    @property
    def initiator_static(self) -> bool:
        """Whether the initiator has a static key at all."""
        return self.knows_initiator or any("s" in text for text in self.texts)


def hmac(key: bytes, text: bytes) -> bytes:
    """HMAC-BLAKE2b (RFC 2104) with a key of at most 128 bytes: 64 bytes."""
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = blake2b(block.translate(_INNER) + text).digest()
    return blake2b(block.translate(_OUTER) + inner).digest()


def hkdf(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    """Noise's HKDF with two outputs of 64 bytes."""
    secret = hmac(chaining_key, material).ljust(_BLOCK_BYTES, b"\0")
    # `hmac` twice under one key, whose two paddings are made once.
    inner, outer = secret.translate(_INNER), secret.translate(_OUTER)
    first = blake2b(outer + blake2b(inner + b"\x01").digest()).digest()
    return first, blake2b(outer + blake2b(inner + first + b"\x02").digest()).digest()


def _nonce(number: int) -> bytes:
    return bytes(4) + number.to_bytes(8, "little")


class _Symmetric:
    """The SymmetricState. That of a handshake never changes: each text works on a copy."""

    __slots__ = ("ck", "h", "key", "n")

    def __init__(self, ck: bytes, h: bytes, key: bytes = b"", n: int = 0) -> None:
        self.ck = ck
        self.h = h
        self.key = key
        self.n = n

    def copy(self) -> "_Symmetric":
        return _Symmetric(self.ck, self.h, self.key, self.n)

    def mix_hash(self, text: bytes) -> None:
        self.h = blake2b(self.h + text).digest()

    def mix_key(self, material: bytes) -> None:
        self.ck, key = hkdf(self.ck, material)
        self.key, self.n = key[:KEY_BYTES], 0

    def encrypt(self, plain: bytes) -> bytes:
        sealed = plain
        if self.key:
            sealed = sodium.seal(self.key, _nonce(self.n), plain, self.h)
            self.n += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        plain = sealed
        if self.key:
            plain = sodium.open_(self.key, _nonce(self.n), sealed, self.h)
            self.n += 1
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[bytes, bytes]:
        first, second = hkdf(self.ck, b"")
        return first[:KEY_BYTES], second[:KEY_BYTES]


class _Keys(NamedTuple):
    """The four keys of a handshake as one side knows them so far."""

    static: KeyPair | None
    ephemeral: KeyPair | None
    remote_static: bytes | None
    remote_ephemeral: bytes | None

    def shared(self, token: str, initiator: bool) -> bytes:
        """The X25519 that a token names: the initiator's key first, the responder's second."""
        mine, theirs = (token[0], token[1]) if initiator else (token[1], token[0])
        own = self.ephemeral if mine == "e" else self.static
        remote = self.remote_ephemeral if theirs == "e" else self.remote_static
        if own is None or remote is None:
            raise Misuse("this handshake needs a key that it was not given")
        return curves.scalarmult(own.private.reveal(), remote)

    def __repr__(self) -> str:
        return "_Keys()"


def _begin(
    pattern: Pattern, prologue: bytes, initiator: bytes | None, responder: bytes | None
) -> _Symmetric:
    """The state before the first text, from both sides' static keys as far as there are any."""
    name = f"Noise_{pattern.name}_25519_ChaChaPoly_BLAKE2b".encode()
    start = name.ljust(_HASH_BYTES, b"\0")
    state = _Symmetric(start, start)
    state.mix_hash(prologue)
    if pattern.knows_initiator and initiator is not None:
        state.mix_hash(initiator)
    if pattern.knows_responder and responder is not None:
        state.mix_hash(responder)
    return state


class Handshake:
    """One side of a handshake.

    Args:
        pattern: N, NK, KK or IK.
        initiator: which side this is.
        prologue: what both sides must agree on without saying it.
        ephemeral: this side's ephemeral key; needed by whoever writes.
        static: this side's static key, where the pattern has one.
        remote_static: the other side's static key, where the pattern knows it before.

    Raises:
        Misuse: a key is missing that the pattern needs, or given that it does not know.
    """

    def __init__(
        self,
        pattern: Pattern,
        initiator: bool,
        prologue: bytes,
        *,
        ephemeral: KeyPair | None = None,
        static: KeyPair | None = None,
        remote_static: bytes | None = None,
    ) -> None:
        has_static = pattern.initiator_static if initiator else True
        knows_remote = pattern.knows_responder if initiator else pattern.knows_initiator
        if (static is not None) != has_static or (remote_static is not None) != knows_remote:
            raise Misuse(f"these are not the keys of this side of {pattern.name}")
        self._pattern = pattern
        self._initiator = initiator
        self._keys = _Keys(static, ephemeral, remote_static, None)
        self._texts_done = 0
        self._keys_written = False
        own = None if static is None else static.public
        sides = (own, remote_static) if initiator else (remote_static, own)
        self._state = _begin(pattern, prologue, *sides)

    # ── writing ──────────────────────────────────────────────────────────────────────────

    def write(self, payload: bytes = b"") -> bytes:
        """This side's next text, keys and payload together."""
        return self.write_keys() + self.write_payload(payload)

    def write_keys(self) -> bytes:
        """The first half of this side's next text: all X25519 is done here.

        Raises:
            Misuse: it is not this side's turn, or its ephemeral key was not given.
            BadCell: a key of the other side is a point of low order.
        """
        if self.finished or not self._my_turn or self._keys_written:
            raise Misuse("it is not this side's turn to write")
        if self._keys.ephemeral is None:
            raise Misuse("writing needs an ephemeral key")
        state, keys, out = self._state.copy(), self._keys, b""
        for step in self._pattern.texts[self._texts_done]:
            sent = b""
            if step == "e":
                sent = keys.ephemeral.public if keys.ephemeral else b""
                state.mix_hash(sent)
            elif step == "s":
                sent = state.encrypt(keys.static.public if keys.static else b"")
            else:
                state.mix_key(keys.shared(step, self._initiator))
            out += sent
        self._state, self._keys_written = state, True
        return out

    def write_payload(self, payload: bytes = b"") -> bytes:
        """The second half of this side's next text: the sealed payload.

        Raises:
            Misuse: `write_keys` was not called before, or the payload is too long.
        """
        if not self._keys_written:
            raise Misuse("the keys of this text come first")
        if len(payload) > MAX_BYTES - 2 * KEY_BYTES - 2 * TAG_BYTES:
            raise Misuse("this payload is too long for one text")
        state = self._state.copy()
        sealed = state.encrypt(payload)
        self._state, self._keys_written = state, False
        self._texts_done += 1
        return sealed

    # ── reading ──────────────────────────────────────────────────────────────────────────

    def read(self, text: bytes) -> bytes:
        """The payload of the other side's next text.

        Raises:
            BadCell: for whatever is wrong with it: cut short (malformed), not made with the
                right keys (forged), or not due now (unexpected). The handshake stays as it
                was, so another text can still be read.
        """
        if self.finished or self._my_turn:
            raise BadCell(Drop.UNEXPECTED)
        if len(text) > MAX_BYTES:
            raise BadCell(Drop.MALFORMED)
        state, keys, rest = self._state.copy(), self._keys, text
        for step in self._pattern.texts[self._texts_done]:
            if step == "e":
                public, rest = _cut(rest, KEY_BYTES)
                state.mix_hash(public)
                keys = _Keys(keys.static, keys.ephemeral, keys.remote_static, public)
            elif step == "s":
                sealed, rest = _cut(rest, KEY_BYTES + TAG_BYTES)
                keys = keys._replace(remote_static=state.decrypt(sealed))
            else:
                state.mix_key(keys.shared(step, self._initiator))
        payload = state.decrypt(rest)
        self._state, self._keys = state, keys
        self._texts_done += 1
        return payload

    # ── what came of it ──────────────────────────────────────────────────────────────────

    @property
    def finished(self) -> bool:
        """Whether all texts of the pattern were written and read."""
        return self._texts_done == len(self._pattern.texts)

    @property
    def remote_static(self) -> bytes | None:
        """The other side's static key, as far as it is known; proven once a read succeeded."""
        return self._keys.remote_static

    @property
    def hash(self) -> bytes:
        """The hash of the whole handshake, 64 bytes. It is public: never use it as a key alone.

        Raises:
            Misuse: the handshake is not finished.
        """
        return self._done().h

    def split(self) -> tuple[bytes, bytes]:
        """The keys from initiator to responder, and back.

        Raises:
            Misuse: the handshake is not finished.
        """
        return self._done().split()

    def _done(self) -> _Symmetric:
        if not self.finished:
            raise Misuse("the handshake is not finished")
        return self._state

    @property
    def _my_turn(self) -> bool:
        return (self._texts_done % 2 == 0) == self._initiator

    def __repr__(self) -> str:
        return f"Handshake({self._pattern.name})"


class OneWayReader:
    """Reads any number of texts of pattern N that have prologue and static key in common.

    Each as a `Handshake` of its own would, but what they share is done once, and there is no
    state to keep between texts: 57 µs instead of 66, of which X25519 is 43.

    Args:
        prologue: what both sides must agree on without saying it.
        static: this side's static key.
    """

    def __init__(self, prologue: bytes, static: KeyPair) -> None:
        self._begun = _begin(Pattern.N, prologue, None, static.public)
        self._static = static

    def read(self, text: bytes) -> tuple[bytes, tuple[bytes, bytes], bytes]:
        """The payload of a text, and what `split` and `hash` of its handshake would be.

        Raises:
            BadCell: for whatever is wrong with it, as of `Handshake.read`.
        """
        if len(text) > MAX_BYTES:
            raise BadCell(Drop.MALFORMED)
        state = self._begun.copy()
        ephemeral, sealed = _cut(text, KEY_BYTES)
        state.mix_hash(ephemeral)
        state.mix_key(curves.scalarmult(self._static.private.reveal(), ephemeral))
        payload = state.decrypt(sealed)
        return payload, state.split(), state.h

    def __repr__(self) -> str:
        return "OneWayReader()"


class Transport:
    """The cipher after a handshake, for an ordered stream: the nonce counts texts.

    Args:
        send_key: 32 bytes, of the direction this side writes.
        receive_key: 32 bytes, of the other direction.
    """

    def __init__(self, send_key: bytes, receive_key: bytes) -> None:
        self._send_key = send_key
        self._receive_key = receive_key
        self._sent = 0
        self._received = 0

    def seal(self, plain: bytes) -> bytes:
        """The next text to send, 16 bytes longer.

        Raises:
            Misuse: it would be longer than 65,535 bytes, or no number is left.
        """
        if len(plain) + TAG_BYTES > MAX_BYTES or self._sent >= _MAX_NONCE:
            raise Misuse("this text is too long, or too many went before")
        sealed = sodium.seal(self._send_key, _nonce(self._sent), plain)
        self._sent += 1
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """The next text from the other side.

        Raises:
            BadCell: it is not the next genuine text; the count stays.
        """
        if len(sealed) > MAX_BYTES or self._received >= _MAX_NONCE:
            raise BadCell(Drop.MALFORMED)
        plain = sodium.open_(self._receive_key, _nonce(self._received), sealed)
        self._received += 1
        return plain

    def __repr__(self) -> str:
        return "Transport()"


def _cut(text: bytes, size: int) -> tuple[bytes, bytes]:
    if len(text) < size:
        raise BadCell(Drop.MALFORMED)
    return text[:size], text[size:]
