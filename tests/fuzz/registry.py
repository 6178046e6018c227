"""All harnesses, by name."""

from fuzz import chain, files, lab, machines, onion, talk, zone
from fuzz.harness import Harness

HARNESSES: dict[str, Harness] = {
    harness.name: harness
    for module in (chain, machines, files, lab, talk, zone, onion)
    for harness in module.HARNESSES
}
