"""X25519 and Ed25519 from libsodium: all the public-key work there is.

Sources: RFC 7748 (X25519), RFC 8032 (Ed25519).

Must not know: what the keys are for.
"""

from nacl import bindings
from nacl.exceptions import CryptoError

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import KEY_BYTES, SIGNATURE_BYTES


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise Misuse(f"a key has {KEY_BYTES} bytes")


def scalarmult(private: bytes, public: bytes) -> bytes:
    """X25519 of an own private key and somebody's public key.

    Raises:
        BadCell: the public key has another length (malformed), or is a point of low order, with
            which every private key gives zeros (forged).
    """
    _check_key(private)
    if len(public) != KEY_BYTES:
        raise BadCell(Drop.MALFORMED)
    try:
        return bindings.crypto_scalarmult(private, public)
    except CryptoError:
        raise BadCell(Drop.FORGED) from None


def is_usable(public: bytes) -> bool:
    """Whether a public key is none of the few of low order, which nobody can have."""
    try:
        scalarmult(bytes([1] * KEY_BYTES), public)
    except BadCell:
        return False
    return True


def public_of(private: bytes) -> bytes:
    """The X25519 public key of a private key."""
    _check_key(private)
    return bindings.crypto_scalarmult_base(private)


def sign_public(seed: bytes) -> bytes:
    """The Ed25519 public key of a 32-byte seed."""
    _check_key(seed)
    return bindings.crypto_sign_seed_keypair(seed)[0]


def sign(seed: bytes, text: bytes) -> bytes:
    """The Ed25519 signature, 64 bytes, over a text."""
    _check_key(seed)
    return bindings.crypto_sign(text, bindings.crypto_sign_seed_keypair(seed)[1])[:SIGNATURE_BYTES]


def verify(public: bytes, text: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature.

    Raises:
        BadCell: a length is wrong (malformed) or the signature is (forged).
    """
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise BadCell(Drop.MALFORMED)
    try:
        bindings.crypto_sign_open(signature + text, public)
    except CryptoError:
        raise BadCell(Drop.FORGED) from None
