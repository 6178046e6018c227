"""ChaCha20-Poly1305 from libsodium, for one text or for a whole batch.

The one module that touches PyNaCl's inside. PyNaCl's wrappers cost five times the cipher on
small cells, so `DirectCalls` goes through its own cffi (`nacl._sodium`), which is private and
checks nothing. Hence the rules of this file: every length is checked once per batch before a
pointer is used; a pointer made as `base + offset` keeps nothing alive, so the array it points
into is held by a local name until the last call; and at import the direct calls must give the
same bytes as `CheckedCalls` (PyNaCl's public bindings), which take their place if they do not.
A pointer costs as much as a tenth of a cipher call, so those into matrices that are used again
and again are remembered by address: who keeps matrices and nonces from round to round pays none.

The keystream of a layer is the AEAD encryption of zeros without its tag (RFC 8439: ChaCha20
from block 1 on), because PyNaCl offers no stream cipher.

Source: RFC 8439.

Must not know: what the bytes are for, where nonces come from, labels.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from nacl import bindings
from nacl.exceptions import CryptoError
from numpy.typing import NDArray

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.geometry import KEY_BYTES, TAG_BYTES

NONCE_BYTES = 12

Readable = bytes | bytearray | memoryview | NDArray[np.uint8]
"""Contiguous bytes that are only read."""
Writable = bytearray | memoryview | NDArray[np.uint8]
"""Contiguous bytes that are written in place."""
Keys = Sequence[bytes] | bytes
"""One key a row, or one key for all rows."""
Nonces = Sequence[bytes] | bytes | NDArray[np.uint8]
"""One nonce a row, as byte strings or uint8[k, 12], or (under many keys) one for all rows."""

_POINTERS_AT_ONCE = 128
"""Pointers are made for a whole number of so many rows, whether or not there are so many."""
_MATRICES = 64
"""Pointers into so many matrices are remembered."""


def _flat(buffer: Readable) -> memoryview:
    view = buffer.data if isinstance(buffer, np.ndarray) else memoryview(buffer)
    if not view.c_contiguous:
        raise Misuse("these bytes do not lie together")
    # An empty array cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(bytearray())


def _each(nonces: Nonces) -> Iterable[bytes]:
    if isinstance(nonces, bytes):
        return repeat(nonces)
    return map(bytes, nonces) if isinstance(nonces, np.ndarray) else nonces


class CheckedCalls:
    """The four AEAD operations through PyNaCl's public bindings, with copies both ways.

    Nothing is checked here that the functions below have checked already.
    """

    def seal_into(
        self, out: Writable, plain: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> None:
        """Write ciphertext and tag to `out`."""
        sealed = bindings.crypto_aead_chacha20poly1305_ietf_encrypt(
            bytes(plain), bytes(ad), nonce, key
        )
        _flat(out)[:] = sealed

    def open_into(
        self, out: Writable, sealed: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> bool:
        """Write the plain text to `out`, or say that the tag is wrong."""
        try:
            plain = bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
                bytes(sealed), bytes(ad), nonce, key
            )
        except CryptoError:
            return False
        _flat(out)[:] = plain
        return True

    def seal_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Iterable[bytes]
    ) -> None:
        """Seal each row in place."""
        for row, nonce, key in zip(matrix, _each(nonces), keys, strict=False):
            self.seal_into(row[header:], row[header:-TAG_BYTES], row[:header], nonce, key)

    def open_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Iterable[bytes]
    ) -> NDArray[np.bool_]:
        """Open each row in place; a row that fails stays as it was."""
        opened = [
            self.open_into(row[header:-TAG_BYTES], row[header:], row[:header], nonce, key)
            for row, nonce, key in zip(matrix, _each(nonces), keys, strict=False)
        ]
        return np.array(opened, dtype=np.bool_)


class DirectCalls(CheckedCalls):
    """The same through PyNaCl's private cffi: no copies, no checks, pointers by hand."""

    def __init__(self) -> None:
        # Here, so that a PyNaCl without these names falls back instead of failing.
        from nacl._sodium import ffi, lib

        self._ffi: Any = ffi
        self._seal: Any = lib.crypto_aead_chacha20poly1305_ietf_encrypt
        self._open: Any = lib.crypto_aead_chacha20poly1305_ietf_decrypt
        self._table = lru_cache(maxsize=_MATRICES)(self._make_table)

    def seal_into(
        self, out: Writable, plain: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> None:
        """Write ciphertext and tag to `out`, which may start where `plain` starts."""
        view, null = self._ffi.from_buffer, self._ffi.NULL
        to, source, extra = view(out, require_writable=True), view(plain), view(ad)
        self._seal(to, null, source, len(source), extra, len(extra), null, nonce, key)

    def open_into(
        self, out: Writable, sealed: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> bool:
        """Write the plain text to `out`, which may start where `sealed` starts."""
        view, null = self._ffi.from_buffer, self._ffi.NULL
        to, source, extra = view(out, require_writable=True), view(sealed), view(ad)
        failed = self._open(to, null, null, source, len(source), extra, len(extra), nonce, key)
        return bool(failed == 0)

    def seal_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Iterable[bytes]
    ) -> None:
        """Seal each row in place: one C call a row, and no Python code between the calls."""
        rows, size = matrix.shape
        heads, bodies = self._pointers(matrix, 0), self._pointers(matrix, header)
        # `repeat` without end where `map` takes it at several places; the count ends it all.
        null, extra = repeat(self._ffi.NULL), repeat(header)
        plain, at = repeat(size - header - TAG_BYTES, rows), self._at(nonces)
        # `matrix` and `nonces` are named until here and so outlive the pointers into them.
        list(map(self._seal, bodies, null, bodies, plain, heads, extra, null, at, keys))

    def open_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Iterable[bytes]
    ) -> NDArray[np.bool_]:
        """Open each row in place; a row that fails comes out as zeros."""
        rows, size = matrix.shape
        heads, bodies = self._pointers(matrix, 0), self._pointers(matrix, header)
        null, extra = repeat(self._ffi.NULL), repeat(header)
        sealed, at = repeat(size - header, rows), self._at(nonces)
        failed = map(self._open, bodies, null, null, bodies, sealed, heads, extra, at, keys)
        opened: NDArray[np.bool_] = np.fromiter(failed, np.intc, rows) == 0
        return opened

    def _at(self, nonces: Nonces) -> Iterable[Any]:
        if isinstance(nonces, np.ndarray):
            return self._pointers(nonces, 0)
        return repeat(nonces) if isinstance(nonces, bytes) else nonces

    def _pointers(self, matrix: NDArray[np.uint8], offset: int) -> list[Any]:
        """One a row, and some beyond. They keep nothing alive: the caller holds `matrix`."""
        least = -(-len(matrix) // _POINTERS_AT_ONCE) * _POINTERS_AT_ONCE
        return self._table(matrix.ctypes.data + offset, matrix.strides[0], least)

    def _make_table(self, address: int, stride: int, rows: int) -> list[Any]:
        base = self._ffi.cast("unsigned char *", address)
        return [base + row * stride for row in range(rows)]


def agree(one: CheckedCalls, other: CheckedCalls) -> bool:
    """Whether both give the same bytes and refuse the same forgery."""
    nonces = [bytes([7] * NONCE_BYTES), bytes(range(NONCE_BYTES))]
    keys = [bytes(range(KEY_BYTES)), bytes([9] * KEY_BYTES)]
    rows = np.arange(2 * 75, dtype=np.uint8).reshape(2, 75)
    sealed = [rows.copy(), rows.copy()]
    for calls, matrix in zip((one, other), sealed, strict=True):
        calls.seal_rows(matrix, 5, nonces, keys)
    single = bytearray(75 - 5)
    one.seal_into(single, bytes(rows[0, 5:-TAG_BYTES]), bytes(rows[0, :5]), nonces[0], keys[0])
    same = np.array_equal(sealed[0], sealed[1]) and bytes(sealed[0][0, 5:]) == single
    sealed[0][1, 4] ^= 1
    opened = one.open_rows(sealed[0], 5, nonces, keys).tolist()
    plain = bytearray(75 - 5 - TAG_BYTES)
    good = one.open_into(plain, bytes(single), bytes(rows[0, :5]), nonces[0], keys[0])
    back = bytes(rows[0, 5:-TAG_BYTES])
    undone = bytes(sealed[0][0, 5:-TAG_BYTES]) == back and plain == back
    return same and undone and good and opened == [True, False]


def choose(make: Callable[[], CheckedCalls] = DirectCalls) -> CheckedCalls:
    """Direct calls where this PyNaCl has them and they agree with its public bindings."""
    checked = CheckedCalls()
    try:
        direct = make()
        return direct if agree(direct, checked) else checked
    except (ImportError, AttributeError, TypeError, ValueError):
        return checked


_calls = choose()


def calls_directly() -> bool:
    """Whether the fast calls are in use; if not, everything works, several times slower."""
    return isinstance(_calls, DirectCalls)


# ── one text ─────────────────────────────────────────────────────────────────────────────


def seal_into(out: Writable, plain: Readable, ad: Readable, nonce: bytes, key: bytes) -> None:
    """Seal into a buffer: ciphertext, then the tag.

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
    _calls.seal_into(out, plain, ad, nonce, key)


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
    return _calls.open_into(out, sealed, ad, nonce, key)


def seal(key: bytes, nonce: bytes, plain: bytes, ad: bytes = b"") -> bytes:
    """Seal one text; the result is 16 bytes longer."""
    _check_one(nonce, key)
    out = bytearray(len(plain) + TAG_BYTES)
    _calls.seal_into(out, plain, ad, nonce, key)
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
    if not _calls.open_into(out, sealed, ad, nonce, key):
        raise BadCell(Drop.FORGED)
    return bytes(out)


def stream(key: bytes, nonce: bytes, length: int) -> bytes:
    """The ChaCha20 keystream of this key and nonce, from block 1 on, `length` bytes of it."""
    return seal(key, nonce, bytes(length))[:length]


# ── many rows ────────────────────────────────────────────────────────────────────────────


def seal_rows(matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys) -> None:
    """Seal every row in place.

    Args:
        matrix: uint8[k, size], each row `header | plain text | room for the tag (16)`; rows
            may lie apart (a view of a wider array), the bytes of a row may not.
        header: how many bytes at the front of a row are authenticated but not encrypted.
        nonces: one a row, 12 bytes each, or one for all rows if each has a key of its own.
        keys: one a row, or one for all, 32 bytes each.

    Raises:
        Misuse: a shape, length or count is wrong, or the matrix is read-only.
    """
    _check_rows(matrix, header)
    at = _nonces_for(matrix, nonces, keys)
    _calls.seal_rows(matrix, header, at, _keys_for(matrix, keys))


def open_rows(
    matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys
) -> NDArray[np.bool_]:
    """Open every row in place; see `seal_rows`.

    Returns:
        bool[k]: whether the row's tag was right. What a failed row holds is unspecified; a
        good row holds `header | plain text | 16 bytes without meaning`.

    Raises:
        Misuse: as for `seal_rows`.
    """
    _check_rows(matrix, header)
    at = _nonces_for(matrix, nonces, keys)
    return _calls.open_rows(matrix, header, at, _keys_for(matrix, keys))


def stream_rows(matrix: NDArray[np.uint8], nonces: Nonces, keys: Keys) -> None:
    """Fill every row with a keystream: uint8[k, length + 16], the last 16 without meaning."""
    matrix.fill(0)
    seal_rows(matrix, 0, nonces, keys)


# ── what the raw calls do not check ──────────────────────────────────────────────────────


def _size(buffer: Readable) -> int:
    return _flat(buffer).nbytes


def _room(buffer: Writable) -> int:
    view = _flat(buffer)
    if view.readonly:
        raise Misuse("these bytes can only be read")
    return view.nbytes


def _check_key(key: bytes) -> None:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise Misuse("a key is 32 bytes")


def _check_one(nonce: bytes, key: bytes) -> None:
    _check_key(key)
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise Misuse("a nonce is 12 bytes")


def _check_rows(matrix: NDArray[np.uint8], header: int) -> None:
    if matrix.ndim != 2 or matrix.dtype != np.uint8 or not matrix.flags.writeable:
        raise Misuse("rows are sealed and opened in a writable uint8[k, size]")
    rows, size = matrix.shape
    if not 0 <= header <= size - TAG_BYTES:
        raise Misuse(f"rows of {size} bytes have no room for a header of {header} and a tag")
    # Rows that overlap or run backward would let one call write into another's row.
    if rows and (matrix.strides[1] != 1 or (rows > 1 and matrix.strides[0] < size)):
        raise Misuse("the bytes of each row must lie together, and rows apart")


def _nonces_for(matrix: NDArray[np.uint8], nonces: Nonces, keys: Keys) -> Nonces:
    if isinstance(nonces, np.ndarray):
        whole = nonces.shape == (len(matrix), NONCE_BYTES) and nonces.flags.c_contiguous
        if not whole or nonces.dtype != np.uint8:
            raise Misuse("nonces in an array are uint8[k, 12], one a row")
    elif isinstance(nonces, bytes):
        if len(nonces) != NONCE_BYTES or isinstance(keys, bytes):
            raise Misuse("one nonce for all rows has 12 bytes, and each row a key of its own")
    elif len(nonces) != len(matrix) or not set(map(len, nonces)) <= {NONCE_BYTES}:
        raise Misuse("each row needs one nonce of 12 bytes")
    return nonces


def _keys_for(matrix: NDArray[np.uint8], keys: Keys) -> Iterable[bytes]:
    if isinstance(keys, bytes):
        _check_key(keys)
        return repeat(keys, len(matrix))
    if len(keys) != len(matrix) or not set(map(len, keys)) <= {KEY_BYTES}:
        raise Misuse("each row needs one key of 32 bytes")
    return keys
