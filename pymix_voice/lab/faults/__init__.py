"""Faults on real processes: what is inflicted on a zone's parts, and what people hear of it."""
