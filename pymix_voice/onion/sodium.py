"""Authenticated ciphers from libsodium, for one text or for a whole batch, and a keystream.

Every length, shape and bound is checked here, once per text or batch; the raw calls (`calls`)
check nothing. Two ciphers: ChaCha20-Poly1305 for everything, and AEGIS-128L for whoever has
the processor for it.

Sources: RFC 8439; draft-irtf-cfrg-aegis-aead for AEGIS-128L.

Must not know: what the bytes are for, where nonces come from, labels.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import KEY_BYTES, TAG_BYTES
from pymix_voice.onion import calls
from pymix_voice.onion.calls import (
    AEGIS,
    CHACHA,
    Chosen,
    Cipher,
    Keys,
    Nonces,
    Readable,
    Writable,
)

__all__ = [
    "AEGIS",
    "CHACHA",
    "NONCE_BYTES",
    "Chosen",
    "Cipher",
    "Keys",
    "Nonces",
    "Readable",
    "Writable",
    "calls_directly",
    "has_aegis",
    "open_",
    "open_into",
    "open_rows",
    "seal",
    "seal_into",
    "seal_rows",
    "stream",
    "stream_rows",
    "streams_directly",
]

NONCE_BYTES = CHACHA.nonce_bytes

_chacha = calls.choose(CHACHA, calls.StreamCalls, calls.DirectCalls)
_calls = {CHACHA: _chacha}
if calls.has(AEGIS):
    _calls[AEGIS] = calls.choose(AEGIS, partial(calls.DirectCalls, AEGIS))


def calls_directly() -> bool:
    """Whether the fast calls are in use; if not, everything works, several times slower."""
    return all(isinstance(each, calls.DirectCalls) for each in _calls.values())


def streams_directly() -> bool:
    """Whether keystream comes from the stream cipher; if not, it takes half as long again."""
    return isinstance(_chacha, calls.StreamCalls)


def has_aegis() -> bool:
    """Whether `AEGIS` can be used here at all; whether it is fast depends on the processor."""
    return AEGIS in _calls


def _calls_of(cipher: Cipher) -> calls.CheckedCalls:
    if cipher not in _calls:
        raise Misuse(f"this PyNaCl has no {cipher.name}: ask has_aegis() first")
    return _calls[cipher]


# ── one text ─────────────────────────────────────────────────────────────────────────────


def seal_into(out: Writable, plain: Readable, ad: Readable, nonce: bytes, key: bytes) -> None:
    """Seal into a buffer with ChaCha20-Poly1305: ciphertext, then the tag.

    Args:
        out: exactly 16 bytes longer than `plain`; it may start where `plain` starts, but must
            not overlap it in any other way.
        plain: what is sealed.
        ad: what is authenticated beside it.
        nonce: 12 bytes, never used twice with this key.
        key: 32 bytes.

    Raises:
        Misuse: a length is wrong, or a buffer is not contiguous.
    """
    if _room(out) != _size(plain) + TAG_BYTES:
        raise Misuse("the sealed text needs exactly 16 bytes more than the plain text")
    _size(ad)
    _check_one(nonce, key)
    _chacha.seal_into(out, plain, ad, nonce, key)


def open_into(out: Writable, sealed: Readable, ad: Readable, nonce: bytes, key: bytes) -> bool:
    """Open into a buffer; see `seal_into`.

    Returns:
        Whether the tag was right. If not, what `out` holds is unspecified.

    Raises:
        Misuse: a length is wrong (`out` has 16 bytes less), or a buffer is not as it must be.
    """
    if _room(out) + TAG_BYTES != _size(sealed):
        raise Misuse("the plain text needs exactly 16 bytes less than the sealed text")
    _size(ad)
    _check_one(nonce, key)
    return _chacha.open_into(out, sealed, ad, nonce, key)


def seal(key: bytes, nonce: bytes, plain: bytes, ad: bytes = b"") -> bytes:
    """Seal one text; the result is 16 bytes longer."""
    _check_one(nonce, key)
    out = bytearray(len(plain) + TAG_BYTES)
    _chacha.seal_into(out, plain, ad, nonce, key)
    return bytes(out)


def open_(key: bytes, nonce: bytes, sealed: bytes, ad: bytes = b"") -> bytes:
    """Open one text from the network.

    Raises:
        BadCell: it is shorter than a tag (malformed) or its tag is wrong (forged).
    """
    _check_one(nonce, key)
    if len(sealed) < TAG_BYTES:
        raise BadCell(Drop.MALFORMED)
    out = bytearray(len(sealed) - TAG_BYTES)
    if not _chacha.open_into(out, sealed, ad, nonce, key):
        raise BadCell(Drop.FORGED)
    return bytes(out)


def stream(key: bytes, nonce: bytes, length: int) -> bytes:
    """The ChaCha20 keystream of this key and nonce, from block 1 on, `length` bytes of it."""
    return seal(key, nonce, bytes(length))[:length]


# ── many rows ────────────────────────────────────────────────────────────────────────────


def seal_rows(
    matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys, cipher: Cipher = CHACHA
) -> None:
    """Seal every row in place.

    Args:
        matrix: uint8[k, size], each row `header | plain text | room for the tag`; rows may lie
            apart (a view of a wider array), the bytes of a row may not.
        header: how many bytes at the front of a row are authenticated but not encrypted.
        nonces: one a row, or one for all rows if each has a key of its own.
        keys: one a row, or one for all. Arrays are cheapest if they are used again, not made
            anew: pointers into them are remembered.
        cipher: its key, nonce and tag sizes hold for all of these.

    Raises:
        Misuse: a shape, length, count or row is wrong, the matrix is read-only, or this PyNaCl
            does not have the cipher.
    """
    raw = _calls_of(cipher)
    _check_rows(matrix, header, cipher)
    _check_nonces(len(matrix), nonces, keys, cipher)
    _check_keys(len(matrix), keys, cipher)
    raw.seal_rows(matrix, header, nonces, keys)


def open_rows(
    matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys, cipher: Cipher = CHACHA
) -> NDArray[np.bool_]:
    """Open every row in place; see `seal_rows`.

    Returns:
        bool[k]: whether the row's tag was right. What a failed row holds is unspecified; a
        good row holds `header | plain text | what was the tag, without meaning`.

    Raises:
        Misuse: as for `seal_rows`.
    """
    raw = _calls_of(cipher)
    _check_rows(matrix, header, cipher)
    _check_nonces(len(matrix), nonces, keys, cipher)
    _check_keys(len(matrix), keys, cipher)
    return raw.open_rows(matrix, header, nonces, keys)


def stream_rows(matrix: NDArray[np.uint8], nonces: Nonces, keys: Keys) -> None:
    """Fill every row with a keystream: uint8[k, length + 16], the last 16 without meaning.

    Nonces and keys are those of `CHACHA`, as for `seal_rows`, and the stream is that of `stream`.
    """
    _check_rows(matrix, 0, CHACHA)
    _check_nonces(len(matrix), nonces, keys, CHACHA)
    _check_keys(len(matrix), keys, CHACHA)
    _chacha.stream_rows(matrix, nonces, keys)


# ── what the raw calls do not check ──────────────────────────────────────────────────────


def _size(buffer: Readable) -> int:
    view = _view(buffer)
    if not view.c_contiguous:
        raise Misuse("these bytes do not lie together")
    return view.nbytes


def _room(buffer: Writable) -> int:
    if _view(buffer).readonly:
        raise Misuse("these bytes can only be read")
    return _size(buffer)


def _view(buffer: Readable) -> memoryview:
    return buffer.data if isinstance(buffer, np.ndarray) else memoryview(buffer)


def _check_one(nonce: bytes, key: bytes) -> None:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise Misuse("a key is 32 bytes")
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise Misuse("a nonce is 12 bytes")


def _check_rows(matrix: NDArray[np.uint8], header: int, cipher: Cipher) -> None:
    if matrix.ndim != 2 or matrix.dtype != np.uint8 or not matrix.flags.writeable:
        raise Misuse("rows are sealed and opened in a writable uint8[k, size]")
    rows, size = matrix.shape
    if not 0 <= header <= size - cipher.tag_bytes:
        raise Misuse(f"rows of {size} bytes have no room for a header of {header} and a tag")
    # Rows that overlap or run backward would let one call write into another's row.
    apart, along = matrix.strides
    if rows and (along != 1 or (rows > 1 and apart < size)):
        raise Misuse("the bytes of each row must lie together, and rows apart")


def _check_nonces(rows: int, nonces: Nonces, keys: Keys, cipher: Cipher) -> None:
    size = cipher.nonce_bytes
    if isinstance(nonces, np.ndarray):
        _check_table(nonces, size)
        if len(nonces) != rows:
            raise Misuse("each row needs one nonce")
    elif isinstance(nonces, bytes):
        if len(nonces) != size or isinstance(keys, bytes):
            raise Misuse(f"one nonce for all rows has {size} bytes, and each row its own key")
    elif len(nonces) != rows or not set(map(len, nonces)) <= {size}:
        raise Misuse(f"each row needs one nonce of {size} bytes")


def _check_keys(rows: int, keys: Keys, cipher: Cipher) -> None:
    size = cipher.key_bytes
    if isinstance(keys, bytes):
        if len(keys) != size:
            raise Misuse(f"a key for all rows has {size} bytes")
    elif isinstance(keys, Chosen):
        _check_table(keys.table, size)
        _check_choice(keys.rows, rows, len(keys.table))
    elif isinstance(keys, np.ndarray):
        _check_table(keys, size)
        if len(keys) != rows:
            raise Misuse("each row needs one key")
    elif len(keys) != rows or not set(map(len, keys)) <= {size}:
        raise Misuse(f"each row needs one key of {size} bytes")


def _check_table(table: NDArray[np.uint8], size: int) -> None:
    """Nonces or keys: rows may lie anyhow, since they are only read, but each in one piece."""
    if table.ndim != 2 or table.dtype != np.uint8 or table.shape[1] != size:
        raise Misuse(f"these are not rows of {size} bytes: uint8[k, {size}]")
    if len(table) and table.strides[1] != 1:
        raise Misuse("the bytes of each row must lie together")


def _check_choice(chosen: NDArray[np.intp], rows: int, limit: int) -> None:
    if chosen.shape != (rows,) or chosen.dtype != np.intp:
        raise Misuse("each row needs the number of one key: intp[k]")
    # Read without a sign, a negative number is beyond every limit: one pass finds both.
    if rows and int(chosen.view(np.uintp).max()) >= limit:
        raise Misuse("a chosen key is not in its table")
