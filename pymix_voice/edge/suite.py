"""Which cipher suits this computer for its mix links: AEGIS-128L only where the processor helps.

With AES instructions AEGIS-128L takes a quarter of the time of ChaCha20-Poly1305; without them
thirty times as long. No library says which it is, so it is tried, once.

Source: draft-irtf-cfrg-aegis-aead; measured.

Must not know: links, keys that matter.
"""

from functools import cache

import numpy as np

from pymix_voice.edge.clock import Clock
from pymix_voice.geometry import CHUNK_HEADER_BYTES, MOST_CHUNK_BYTES
from pymix_voice.onion import sodium
from pymix_voice.onion.sodium import AEGIS, CHACHA, Cipher

TRIALS = 5
ROWS = 16


@cache
def prefers_aegis() -> bool:
    """Whether AEGIS-128L is there, and faster than the cipher that everybody has."""
    return sodium.has_aegis() and _time(AEGIS) < _time(CHACHA)


def _time(cipher: Cipher) -> float:
    """The shortest of a few trials: a busy computer makes some longer, none shorter."""
    datagrams = np.zeros((ROWS, MOST_CHUNK_BYTES), np.uint8)
    nonces = np.zeros((ROWS, cipher.nonce_bytes), np.uint8)
    spans = []
    for _ in range(TRIALS):
        start = Clock.now()
        sodium.seal_rows(datagrams, CHUNK_HEADER_BYTES, nonces, bytes(cipher.key_bytes), cipher)
        spans.append(Clock.now() - start)
    return min(spans)
