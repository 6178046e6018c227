"""Bytes and keys: what one hop, one link or one pair of peers seals, opens and derives."""
