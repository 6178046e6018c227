"""The floor: the same voice straight over UDP, and nobody between.

Whatever a chain adds, it adds to this: a frame has to be spoken before it is sent, the codec looks
ahead, and playout waits out the jitter of this machine.

Must not know: what is compared with it.
"""

import socket
from pathlib import Path

from pymix_voice.lab.peers.local import free_ports
from pymix_voice.lab.peers.voices import HUM_ROUNDS, Said, Voice, talk_over, voice_of

SCHEME = "direct"
SENTENCE = "the same voice straight over UDP, without a chain: hides nothing"


async def measure(said: Said, folder: Path, hum_rounds: int = HUM_ROUNDS) -> Voice:
    """Two ends and nothing between.

    Args:
        said: what the two speak.
        folder: existing, for recordings and logs.
        hum_rounds: before they talk.

    Raises:
        PeerError: if a voice did not come through.
        ExceptionGroup: of `PartError`, if an end fails.
    """
    one, other = (str(port) for port in free_ports(2, socket.SOCK_DGRAM))
    carriers = ["udp", one, other], ["udp", other, one]
    ways = await talk_over(said, folder, *carriers, hum_rounds=hum_rounds)
    return voice_of(SCHEME, SENTENCE, ways)
