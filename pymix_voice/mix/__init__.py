"""The matrix: rows of a round, an epoch's circuits, the switchboard, the mix itself."""
