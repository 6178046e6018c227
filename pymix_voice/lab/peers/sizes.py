"""What datagrams hold where rounds last 20 ms: peers are compared with such a zone.

Must not know: peers.
"""

from pymix_voice.geometry import Geometry

_ZONE = Geometry(mixes=1, clients=1)

BODY_BYTES = _ZONE.body_bytes
CELL_BYTES = _ZONE.cell_bytes
UP_BYTES = _ZONE.up_bytes
DOWN_BYTES = _ZONE.down_bytes
CHUNK_BYTES = _ZONE.chunk_bytes
