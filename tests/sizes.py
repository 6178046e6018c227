"""Sizes of a zone whose rounds last 20 ms, as those of most tests do."""

from pymix_voice.geometry import Geometry

TWENTY = Geometry(mixes=3, clients=100)

BODY_BYTES = TWENTY.body_bytes
CELL_BYTES = TWENTY.cell_bytes
UP_BYTES = TWENTY.up_bytes
DOWN_BYTES = TWENTY.down_bytes
CHUNK_CELLS = TWENTY.chunk_cells
CHUNK_BODY_BYTES = TWENTY.chunk_body_bytes
CHUNK_BYTES = TWENTY.chunk_bytes
