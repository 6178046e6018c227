"""`python -m pymix_voice`: the same as the command `pymix-voice`."""

import sys

from pymix_voice.cli import main

if __name__ == "__main__":
    sys.exit(main())
