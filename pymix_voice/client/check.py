"""Check digits: what both sides of a call read aloud to know that nobody is between them.

    digits = BLAKE2b-64(handshake hash, 'pymix check') mod 10^12      "4821 0937 5560"

Somebody in the middle of a call has two handshakes, one with each side, so their digits differ. To
make them the same he would have to try some 10^12 ephemeral keys before the dial's epoch is over.

Source: short authentication strings, as in ZRTP (RFC 6189, section 7); longer than there, since
Noise IK has no commitment that would hold back the second side's choice.

Must not know: calls, what time it is.
"""

from pymix_voice.onion.keys import digest

DIGITS = 12
GROUP = 4


def check_digits(handshake_hash: bytes) -> str:
    """Twelve digits in three groups, the same on both sides of one handshake.

    Args:
        handshake_hash: of the finished handshake, 64 bytes.
    """
    number = int.from_bytes(digest("pymix check", handshake_hash, size=8), "little")
    text = f"{number % 10**DIGITS:0{DIGITS}}"
    return " ".join(text[first : first + GROUP] for first in range(0, DIGITS, GROUP))
