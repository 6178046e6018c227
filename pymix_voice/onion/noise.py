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
    secret = hmac(chaining_key, material)
    first = hmac(secret, b"\x01")
    return first, hmac(secret, first + b"\x02")


def _nonce(number: int) -> bytes:
    return bytes(4) + number.to_bytes(8, "little")


class _Symmetric(NamedTuple):
    """SymmetricState as a value: each step returns the next, so a failed one changes nothing."""

    ck: bytes
    h: bytes
    key: bytes = b""
    n: int = 0

    def mix_hash(self, text: bytes) -> "_Symmetric":
        return self._replace(h=blake2b(self.h + text).digest())

    def mix_key(self, material: bytes) -> "_Symmetric":
        ck, key = hkdf(self.ck, material)
        return self._replace(ck=ck, key=key[:KEY_BYTES], n=0)

    def encrypt(self, plain: bytes) -> tuple["_Symmetric", bytes]:
        if not self.key:
            return self.mix_hash(plain), plain
        sealed = sodium.seal(self.key, _nonce(self.n), plain, self.h)
        return self.mix_hash(sealed)._replace(n=self.n + 1), sealed

    def decrypt(self, sealed: bytes) -> tuple["_Symmetric", bytes]:
        if not self.key:
            return self.mix_hash(sealed), sealed
        plain = sodium.open_(self.key, _nonce(self.n), sealed, self.h)
        return self.mix_hash(sealed)._replace(n=self.n + 1), plain

    def __repr__(self) -> str:
        return "_Symmetric()"


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
        self._state = self._begin(prologue)

    def _begin(self, prologue: bytes) -> _Symmetric:
        name = f"Noise_{self._pattern.name}_25519_ChaChaPoly_BLAKE2b".encode()
        start = name.ljust(_HASH_BYTES, b"\0")
        state = _Symmetric(start, start).mix_hash(prologue)
        own = None if self._keys.static is None else self._keys.static.public
        sides = (own, self._keys.remote_static)
        known = (self._pattern.knows_initiator, self._pattern.knows_responder)
        for public, told in zip(sides if self._initiator else sides[::-1], known, strict=True):
            if told and public is not None:
                state = state.mix_hash(public)
        return state

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
        state, keys, out = self._state, self._keys, b""
        for step in self._pattern.texts[self._texts_done]:
            sent = b""
            if step == "e":
                sent = keys.ephemeral.public if keys.ephemeral else b""
                state = state.mix_hash(sent)
            elif step == "s":
                state, sent = state.encrypt(keys.static.public if keys.static else b"")
            else:
                state = state.mix_key(keys.shared(step, self._initiator))
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
        self._state, sealed = self._state.encrypt(payload)
        self._keys_written = False
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
        state, keys, rest = self._state, self._keys, text
        for step in self._pattern.texts[self._texts_done]:
            if step == "e":
                public, rest = _cut(rest, KEY_BYTES)
                state, keys = state.mix_hash(public), keys._replace(remote_ephemeral=public)
            elif step == "s":
                sealed, rest = _cut(rest, KEY_BYTES + TAG_BYTES)
                state, public = state.decrypt(sealed)
                keys = keys._replace(remote_static=public)
            else:
                state = state.mix_key(keys.shared(step, self._initiator))
        state, payload = state.decrypt(rest)
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
        first, second = hkdf(self._done().ck, b"")
        return first[:KEY_BYTES], second[:KEY_BYTES]

    def _done(self) -> _Symmetric:
        if not self.finished:
            raise Misuse("the handshake is not finished")
        return self._state

    @property
    def _my_turn(self) -> bool:
        return (self._texts_done % 2 == 0) == self._initiator

    def __repr__(self) -> str:
        return f"Handshake({self._pattern.name})"


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
