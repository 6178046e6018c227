"""Randomness as an argument: orders, filler, phantoms, drops and salts are drawn from dice.

The edge makes `Dice` from the system's source; tests and the simulated world make seeded
dice, whose every byte follows from the seed. Dice are forked by label, so that one part's
extra draw shifts nothing elsewhere: a seeded fork depends on the seed and the labels alone.

Must not know: where the bytes come from, what is drawn with them.
"""

from collections.abc import Callable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pymix_voice.errors import Misuse
from pymix_voice.onion import sodium

_BLOCK_BYTES = 4096


class Dice:
    """Draws bytes, permutations and choices from one source.

    Args:
        draw: gives so many bytes that nobody can foresee.
    """

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        self._draw = draw

    @staticmethod
    def seeded(seed: bytes | int) -> "Dice":
        """Dice that repeat themselves: for tests and the simulated world, never for keys."""
        text = b"n" + str(seed).encode() if isinstance(seed, int) else b"b" + seed
        return _SeededDice(blake2b(text, digest_size=32, person=b"pymix dice").digest())

    def fork(self, label: str) -> "Dice":
        """Dice of its own for one part, whatever was drawn from these before."""
        return Dice(self._draw)

    def bytes(self, count: int) -> bytes:
        """So many random bytes."""
        return self._draw(count)

    def fill(self, out: NDArray[np.uint8]) -> None:
        """Fill a C-contiguous array with random bytes.

        Raises:
            Misuse: the array is not contiguous, so that its flat view would be a copy.
        """
        if not out.flags.c_contiguous:
            raise Misuse("only a contiguous array can be filled")
        out.reshape(-1)[:] = np.frombuffer(self._draw(out.size), dtype=np.uint8)

    def matrix(self, rows: int, size: int) -> NDArray[np.uint8]:
        """Random uint8[rows, size], writable."""
        out = np.empty((rows, size), dtype=np.uint8)
        self.fill(out)
        return out

    def order(self, count: int) -> NDArray[np.intp]:
        """A permutation of 0 … count-1, each as likely as any other: intp[count].

        Sorts 64-bit words. Two equal words would favour one order over another; among
        20,000 rows that happens once in 10¹¹ draws.
        """
        words = np.frombuffer(self._draw(8 * count), dtype="<u8")
        return np.argsort(words, kind="stable")

    def below(self, limit: int) -> int:
        """A number in 0 … limit-1, each as likely as any other."""
        if limit < 1:
            raise Misuse("nothing is below one")
        bits = (limit - 1).bit_length()
        while True:
            # Numbers past the limit are drawn again: a modulus would favour small ones.
            word = int.from_bytes(self._draw(-(-bits // 8)), "little") & ((1 << bits) - 1)
            if word < limit:
                return word

    def chance(self, probability: float) -> bool:
        """True this often."""
        return int.from_bytes(self._draw(8), "little") >> 11 < probability * (1 << 53)


class _SeededDice(Dice):
    def __init__(self, key: bytes) -> None:
        super().__init__(_Tape(key).read)
        self._key = key

    def fork(self, label: str) -> Dice:
        return _SeededDice(
            blake2b(label.encode(), digest_size=32, key=self._key, person=b"pymix fork").digest()
        )


class _Tape:
    """An endless tape of bytes from one key, the same however it is cut into draws."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._block = 0
        self._rest = b""

    def read(self, count: int) -> bytes:
        if count < 0:
            raise Misuse("fewer than no bytes were asked for")
        pieces, have = [self._rest], len(self._rest)
        while have < count:
            nonce = self._block.to_bytes(sodium.NONCE_BYTES, "little")
            pieces.append(sodium.stream(self._key, nonce, _BLOCK_BYTES))
            self._block += 1
            have += _BLOCK_BYTES
        tape = b"".join(pieces)
        self._rest = tape[count:]
        return tape[:count]
