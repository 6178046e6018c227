"""A person's side: circuits, pacing, door, dialing, call."""
