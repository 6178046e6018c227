"""PCM and frames: codec, recordings, a microphone that reads a file, playout."""
