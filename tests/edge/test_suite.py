"""Which cipher this computer prefers for its mix links."""

import subprocess
import sys

import pytest

from pymix_voice.edge.suite import prefers_aegis
from pymix_voice.onion import sodium

WITHOUT = """
from nacl import bindings
for name in [name for name in vars(bindings) if "aegis" in name]:
    delattr(bindings, name)
from pymix_voice.edge.suite import prefers_aegis
from pymix_voice.onion import sodium
print(sodium.has_aegis(), prefers_aegis())
"""


def test_the_answer_stays_the_same() -> None:
    first = prefers_aegis()
    assert prefers_aegis() == first
    assert sodium.has_aegis() or not first


@pytest.mark.slow
def test_what_is_not_there_is_not_preferred() -> None:
    """As with a PyNaCl older than 1.6, made so in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"
