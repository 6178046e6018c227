"""Where clients connect: sessions, pacing, collecting their rows."""
