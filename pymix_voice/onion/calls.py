"""The raw cipher calls: PyNaCl's public bindings, and two faster ways through its inside.

The one module that touches PyNaCl's inside. Its wrappers cost five times the cipher on small
cells, so `DirectCalls` goes through its own cffi (`nacl._sodium`), which is private and checks
nothing. Hence the rules of this file: every length was checked by `sodium` before a pointer is
used; a pointer made as `base + offset` keeps nothing alive, so the array it points into is held
by a local name until the last call; and at import the faster calls must give the same bytes as
`CheckedCalls` (the public bindings), which take their place if they do not.

A pointer costs as much as a tenth of a cipher call, so those into matrices that are used again
and again are remembered by address: who keeps matrices, nonces and tables of keys from round to
round pays none. Remembered pointers hold good for whatever lies at that address in rows so far
apart; they hold no array and are used for rows that the caller's array has.

PyNaCl offers no stream cipher. The keystream of a layer is the AEAD encryption of zeros without
its tag (RFC 8439: ChaCha20 from block 1 on). But the shared object has the cipher inside, and
`StreamCalls` finds it there by name: a third less time, since no tag is made.

Sources: RFC 8439; draft-irtf-cfrg-aegis-aead for AEGIS-128L.

Must not know: what the bytes are for, where nonces come from, labels.
"""

import ctypes
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from nacl import bindings
from nacl.exceptions import CryptoError
from numpy.typing import NDArray

from pymix_voice.geometry import KEY_BYTES, TAG_BYTES


class Cipher(NamedTuple):
    """An AEAD cipher, by libsodium's name for it, and its sizes."""

    name: str
    key_bytes: int
    nonce_bytes: int
    tag_bytes: int


CHACHA = Cipher("chacha20poly1305_ietf", KEY_BYTES, 12, TAG_BYTES)
"""ChaCha20-Poly1305: fast everywhere."""
AEGIS = Cipher("aegis128l", 16, 16, 32)
"""AEGIS-128L: faster where the processor has AES instructions, and much slower where not."""


Readable = bytes | bytearray | memoryview | NDArray[np.uint8]
"""Contiguous bytes that are only read."""
Writable = bytearray | memoryview | NDArray[np.uint8]
"""Contiguous bytes that are written in place."""


class Chosen(NamedTuple):
    """Row i uses `table[rows[i]]`."""

    table: NDArray[np.uint8]
    rows: NDArray[np.intp]

    def __repr__(self) -> str:
        return "Chosen()"


Keys = Sequence[bytes] | bytes | NDArray[np.uint8] | Chosen
"""One key a row, as byte strings, uint8[k, 32] or rows of a table; or one for all rows."""
Nonces = Sequence[bytes] | bytes | NDArray[np.uint8]
"""One nonce a row, as byte strings or uint8[k, 12], or (under many keys) one for all rows."""

_MATRICES = 64
"""Pointers into so many matrices are remembered."""
_TABLES = 8
"""And, apart from them, into so many tables of keys: those are long, and dear to make anew."""
_STREAM = "crypto_stream_chacha20_ietf_xor_ic"
_STREAM_TYPE = (
    "int(*)(unsigned char *, unsigned char const *, unsigned long long,"
    " unsigned char const *, uint32_t, unsigned char const *)"
)
_FIRST_BLOCK = 1
"""Block 0 of the keystream makes Poly1305's key."""


def flat(buffer: Readable) -> memoryview:
    """The bytes of a contiguous buffer."""
    view = buffer.data if isinstance(buffer, np.ndarray) else memoryview(buffer)
    # An empty array cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(bytearray())


def _each(items: Keys | Nonces) -> Iterable[bytes]:
    """One byte string a row."""
    if isinstance(items, bytes):
        return repeat(items)
    if isinstance(items, Chosen):
        items = items.table[items.rows]
    return map(bytes, items) if isinstance(items, np.ndarray) else items


class CheckedCalls:
    """One cipher's operations through PyNaCl's public bindings, with copies both ways.

    Nothing is checked here that `sodium` has checked already.
    """

    def __init__(self, cipher: Cipher = CHACHA) -> None:
        self.cipher = cipher
        self._encrypt, self._decrypt = _functions(bindings, cipher)

    def seal_into(
        self, out: Writable, plain: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> None:
        """Write ciphertext and tag to `out`."""
        flat(out)[:] = self._encrypt(bytes(plain), bytes(ad), nonce, key)

    def open_into(
        self, out: Writable, sealed: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> bool:
        """Write the plain text to `out`, or say that the tag is wrong."""
        try:
            plain = self._decrypt(bytes(sealed), bytes(ad), nonce, key)
        except CryptoError:
            return False
        flat(out)[:] = plain
        return True

    def seal_rows(self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys) -> None:
        """Seal each row in place."""
        end = matrix.shape[1] - self.cipher.tag_bytes
        for row, nonce, key in zip(matrix, _each(nonces), _each(keys), strict=False):
            self.seal_into(row[header:], row[header:end], row[:header], nonce, key)

    def open_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys
    ) -> NDArray[np.bool_]:
        """Open each row in place; a row that fails stays as it was."""
        end = matrix.shape[1] - self.cipher.tag_bytes
        opened = [
            self.open_into(row[header:end], row[header:], row[:header], nonce, key)
            for row, nonce, key in zip(matrix, _each(nonces), _each(keys), strict=False)
        ]
        return np.array(opened, dtype=np.bool_)

    def stream_rows(self, matrix: NDArray[np.uint8], nonces: Nonces, keys: Keys) -> None:
        """Fill each row with its keystream; the last bytes, a tag's, have no meaning."""
        matrix.fill(0)
        self.seal_rows(matrix, 0, nonces, keys)


class DirectCalls(CheckedCalls):
    """The same through PyNaCl's private cffi: no copies, no checks, pointers by hand."""

    def __init__(self, cipher: Cipher = CHACHA) -> None:
        super().__init__(cipher)
        # Here, so that a PyNaCl without these names falls back instead of failing.
        from nacl._sodium import ffi, lib

        self._ffi: Any = ffi
        self._number: Any = ffi.typeof("uintptr_t")
        self._seal, self._open = _functions(lib, cipher)
        self._matrix = lru_cache(maxsize=_MATRICES)(self._make_pointers)
        self._table = lru_cache(maxsize=_TABLES)(self._make_table)

    def seal_into(
        self, out: Writable, plain: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> None:
        """Write ciphertext and tag to `out`, which may start where `plain` starts."""
        to, null = self._ffi.from_buffer(out, require_writable=True), self._ffi.NULL
        source, extra = self._source(plain), self._source(ad)
        self._seal(to, null, source, len(source), extra, len(extra), null, nonce, key)

    def open_into(
        self, out: Writable, sealed: Readable, ad: Readable, nonce: bytes, key: bytes
    ) -> bool:
        """Write the plain text to `out`, which may start where `sealed` starts."""
        to, null = self._ffi.from_buffer(out, require_writable=True), self._ffi.NULL
        source, extra = self._source(sealed), self._source(ad)
        failed = self._open(to, null, null, source, len(source), extra, len(extra), nonce, key)
        return bool(failed == 0)

    def seal_rows(self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys) -> None:
        """Seal each row in place: one C call a row, and no Python code between the calls."""
        rows, size = matrix.shape
        if not rows:
            return
        heads, bodies = self._pointers(matrix, 0, header)
        # `repeat` without end where `map` takes it at several places; the count ends it all.
        null, extra = repeat(self._ffi.NULL), repeat(header)
        plain = repeat(size - header - self.cipher.tag_bytes, rows)
        at, using = self._pointed(nonces), self._pointed(keys)
        # `matrix`, `nonces` and `keys` are named until here and so outlive the pointers.
        list(map(self._seal, bodies, null, bodies, plain, heads, extra, null, at, using))

    def open_rows(
        self, matrix: NDArray[np.uint8], header: int, nonces: Nonces, keys: Keys
    ) -> NDArray[np.bool_]:
        """Open each row in place; a row that fails comes out as zeros."""
        rows, size = matrix.shape
        if not rows:
            return np.empty(0, np.bool_)
        heads, bodies = self._pointers(matrix, 0, header)
        null, extra = repeat(self._ffi.NULL), repeat(header)
        sealed = repeat(size - header, rows)
        at, using = self._pointed(nonces), self._pointed(keys)
        failed = map(self._open, bodies, null, null, bodies, sealed, heads, extra, at, using)
        opened: NDArray[np.bool_] = np.fromiter(failed, np.intc, rows) == 0
        return opened

    def _source(self, buffer: Readable) -> Any:  # noqa: ANN401 - cffi's types
        """Byte strings go as they are: a view costs a fifth of a short text's cipher."""
        return buffer if isinstance(buffer, bytes) else self._ffi.from_buffer(buffer)

    def _pointed(self, items: Keys | Nonces) -> Iterable[Any]:
        """For each row at least one of what the raw calls take for a pointer."""
        if isinstance(items, bytes):
            return repeat(items)
        if isinstance(items, Chosen):
            table, rows = items
            pointers = self._table(self._address(table), table.strides[0], len(table))
            # 10 ns a row; `itemgetter` takes 26, `map` over `__getitem__` 35.
            chosen: list[Any] = pointers.take(rows).tolist()
            return chosen
        return self._pointers(items, 0)[0] if isinstance(items, np.ndarray) else items

    def _pointers(self, matrix: NDArray[np.uint8], *offsets: int) -> list[list[Any]]:
        """To each offset in each row, and some beyond the last row."""
        # A power of two, so that one list serves batches of many lengths.
        rows, stride = 1 << (len(matrix) - 1).bit_length(), matrix.strides[0]
        address = self._address(matrix)
        return [self._matrix(address + offset, stride, rows) for offset in offsets]

    def _address(self, matrix: NDArray[np.uint8]) -> int:
        """Where the first row lies; there must be one. Half the time of `matrix.ctypes.data`."""
        return int(self._ffi.cast(self._number, self._ffi.from_buffer(matrix[0])))

    def _make_pointers(self, address: int, stride: int, rows: int) -> list[Any]:
        """They keep nothing alive."""
        base = self._ffi.cast("unsigned char *", address)
        return [base + row * stride for row in range(rows)]

    def _make_table(self, address: int, stride: int, rows: int) -> NDArray[np.object_]:
        table = np.empty(rows, np.object_)
        table[:] = self._make_pointers(address, stride, rows)
        return table


class StreamCalls(DirectCalls):
    """ChaCha20-Poly1305 likewise, and its keystream from the stream cipher itself."""

    def __init__(self) -> None:
        super().__init__(CHACHA)
        from nacl import _sodium

        # ctypes finds the function and cffi calls it: cffi's own way to find it would parse a
        # declaration first, with 30 ms of imports. ctypes never unloads a library.
        inside = getattr(ctypes.CDLL(_sodium.__file__), _STREAM)
        address = ctypes.cast(inside, ctypes.c_void_p).value
        self._stream: Any = self._ffi.cast(_STREAM_TYPE, address)
        self._zeros = b""

    def stream_rows(self, matrix: NDArray[np.uint8], nonces: Nonces, keys: Keys) -> None:
        """Fill each row with its keystream; the last 16 bytes stay as they were."""
        rows, length = len(matrix), matrix.shape[1] - TAG_BYTES
        if not rows:
            return
        if len(self._zeros) < length:
            self._zeros = bytes(length)
        (out,) = self._pointers(matrix, 0)
        zeros, count, first = repeat(self._zeros), repeat(length, rows), repeat(_FIRST_BLOCK)
        at, using = self._pointed(nonces), self._pointed(keys)
        list(map(self._stream, out, zeros, count, at, first, using))


def has(cipher: Cipher) -> bool:
    """Whether this PyNaCl has the cipher; before 1.6 it had no AEGIS."""
    return hasattr(bindings, f"crypto_aead_{cipher.name}_encrypt")


def _functions(place: Any, cipher: Cipher) -> tuple[Any, Any]:  # noqa: ANN401 - cffi's types
    name = f"crypto_aead_{cipher.name}"
    return getattr(place, f"{name}_encrypt"), getattr(place, f"{name}_decrypt")


def agree(one: CheckedCalls, other: CheckedCalls) -> bool:
    """Whether both give the same bytes and refuse the same forgery: texts, rows, keystream."""
    cipher, size, head = one.cipher, 200, 5
    body = slice(head, size - cipher.tag_bytes)
    table = np.arange(3 * cipher.key_bytes, dtype=np.uint8).reshape(3, cipher.key_bytes)
    chosen = Chosen(table, np.array([2, 0]))
    nonces, keys = [bytes([at] * cipher.nonce_bytes) for at in (7, 8)], [*_each(chosen)]
    rows = np.arange(2 * size, dtype=np.uint8).reshape(2, size)
    sealed, same = rows.copy(), rows.copy()
    one.seal_rows(sealed, head, nonces, chosen)
    other.seal_rows(same, head, nonces, keys)
    single, plain = bytearray(size - head), bytearray(body.stop - head)
    first = (bytes(rows[0, :head]), nonces[0], keys[0])
    one.seal_into(single, bytes(rows[0, body]), *first)
    agreed = np.array_equal(sealed, same) and bytes(sealed[0, head:]) == single
    sealed[1, head - 1] ^= 1
    opened = one.open_rows(sealed, head, nonces, chosen).tolist()
    good = one.open_into(plain, bytes(single), *first)
    undone = bytes(sealed[0, body]) == plain == bytes(rows[0, body])
    return agreed and undone and good and opened == [True, False] and _same_streams(one, other)


def _same_streams(one: CheckedCalls, other: CheckedCalls) -> bool:
    cipher = one.cipher
    keys = np.arange(2 * cipher.key_bytes, dtype=np.uint8).reshape(2, cipher.key_bytes)
    # More than the 512 bytes that the fast code makes at once, and a part of a block.
    streams = [np.zeros((2, 1100 + cipher.tag_bytes), np.uint8) for _ in range(2)]
    for calls, matrix in zip((one, other), streams, strict=True):
        calls.stream_rows(matrix, bytes(range(cipher.nonce_bytes)), keys)
    return np.array_equal(streams[0][:, :1100], streams[1][:, :1100])


def choose(cipher: Cipher, *makers: Callable[[], CheckedCalls]) -> CheckedCalls:
    """The first that this PyNaCl has and that agrees with its public bindings; or those."""
    checked = CheckedCalls(cipher)
    for make in makers:
        try:
            calls = make()
            if agree(calls, checked):
                return calls
        except (ImportError, AttributeError, OSError, TypeError, ValueError):
            continue
    return checked
