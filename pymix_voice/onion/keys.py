"""Keys: deriving them, each for one purpose, and holding them so that they can be zeroed.

Derivation is BLAKE2b (RFC 7693) with its own key and personalisation inputs: every key has one
purpose and one label. Zeroing is best effort: Python copies bytes as it pleases, so `Secret`
shortens the life of a key and cannot promise its end.

Must not know: which labels there are, rounds, cells.
"""

from hashlib import blake2b

from pymix_voice.errors import Misuse
from pymix_voice.geometry import KEY_BYTES
from pymix_voice.onion import curves
from pymix_voice.onion.dice import Dice

_LABEL_BYTES = 16
_KEY_SIZES = range(16, 65)
_DIGEST_SIZES = range(1, 65)


def derive(key: bytes, label: str, *parts: bytes, size: int = 32) -> bytes:
    """A key, drop or check made from another key: keyed BLAKE2b, personalised by the label.

    Args:
        key: 16 to 64 bytes.
        label: at most 16 ASCII characters; each purpose has its own.
        parts: joined without any mark between them, so each must have a fixed size under
            this label: otherwise two different calls could give the same key.
        size: bytes wanted, 1 to 64; another size gives other bytes, not a cut.

    Raises:
        Misuse: key, label or size are out of range.
    """
    if len(key) not in _KEY_SIZES:
        raise Misuse("a key to derive from has 16 to 64 bytes")
    return _blake2b(key, label, parts, size)


def digest(label: str, *parts: bytes, size: int = 32) -> bytes:
    """A hash under a label, without a key; arguments as for `derive`."""
    return _blake2b(b"", label, parts, size)


def _blake2b(key: bytes, label: str, parts: tuple[bytes, ...], size: int) -> bytes:
    if not 1 <= len(label) <= _LABEL_BYTES or not label.isascii():
        raise Misuse("a label has 1 to 16 ASCII characters")
    if size not in _DIGEST_SIZES:
        raise Misuse("a derived value has 1 to 64 bytes")
    text = b"".join(parts)
    return blake2b(text, digest_size=size, key=key, person=label.encode("ascii")).digest()


class Secret:
    """Bytes that do not show themselves and can be zeroed.

    Args:
        value: copied; the caller's copy is the caller's to forget.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value: bytearray | None = bytearray(value)

    def reveal(self) -> bytes:
        """The bytes.

        Raises:
            Misuse: they were wiped.
        """
        if self._value is None:
            raise Misuse("this secret was wiped")
        return bytes(self._value)

    def wipe(self) -> None:
        """Zero the bytes; from now on they cannot be revealed. Wiping twice is fine."""
        if self._value is not None:
            self._value[:] = bytes(len(self._value))
            self._value = None

    def __repr__(self) -> str:
        return "Secret()"


class KeyPair:
    """An X25519 key pair.

    Args:
        private: the private key.
        public: the public key that belongs to it, 32 bytes.
    """

    __slots__ = ("private", "public")

    def __init__(self, private: Secret, public: bytes) -> None:
        self.private = private
        self.public = public

    @classmethod
    def draw(cls, dice: Dice) -> "KeyPair":
        """A new key pair."""
        return cls.of(dice.bytes(KEY_BYTES))

    @classmethod
    def of(cls, private: bytes) -> "KeyPair":
        """The key pair of a private key of 32 bytes."""
        return cls(Secret(private), curves.public_of(private))

    def wipe(self) -> None:
        """Zero the private key."""
        self.private.wipe()

    def __repr__(self) -> str:
        return "KeyPair()"
