"""pymix-voice: anonymous voice calls over a chain of mixes."""

__version__ = "0.1.0"
