"""Mutated inputs without a fuzzer: what the normal tests run, from a seed, the same every time.

They know nothing of coverage; but what they mutate are seeds and corpora, which do.
"""

import random
from collections.abc import Iterator, Sequence

_TELLING = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\n", b'"', b".")


def mutated(data: bytes, others: Sequence[bytes], longest: int, dice: random.Random) -> bytes:
    """An input with one to four changes."""
    made = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at, size = dice.randint(0, len(made)), dice.randint(1, 8)
        match dice.randrange(6):
            case 0 if at < len(made):
                made[at] ^= 1 << dice.randrange(8)
            case 1:
                made[at : at + size] = dice.randbytes(size)
            case 2:
                made[at:at] = dice.choice(_TELLING)
            case 3:
                del made[at : at + size]
            case 4:
                other = dice.choice(others)
                start = dice.randint(0, len(other))
                made[at:] = other[start:]
            case _:
                made[at:at] = made[max(0, at - size) : at]
    return bytes(made[:longest])


def inputs(base: Sequence[bytes], count: int, longest: int, seed: int) -> Iterator[bytes]:
    """So many mutated inputs, and before them those they come from."""
    dice = random.Random(seed)
    yield from base
    for _ in range(count):
        yield mutated(dice.choice(base), base, longest, dice)
