"""Walking through all that a part holds: objects of the project, and what lies in them.

Must not know: what is looked for.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from pymix_voice.geometry import Geometry
from pymix_voice.zone.zonefile import Zone

_OURS = "pymix_voice."
_PUBLIC = (Zone, Geometry)
"""Shared by all, known to all, never changed."""


class Found(NamedTuple):
    """Something that a part holds."""

    where: str
    """Class and attribute of the project that it lies in, such as "Mix._turns"."""
    what: object


def everything(part: object) -> Iterator[Found]:
    """All objects and values that can be reached from a part, each once."""
    seen: set[int] = set()
    waiting = deque([Found(type(part).__name__, part)])
    while waiting:
        found = waiting.popleft()
        if id(found.what) in seen or isinstance(found.what, _PUBLIC):
            continue
        seen.add(id(found.what))
        yield found
        waiting.extend(_inside(found))


def _inside(found: Found) -> Iterator[Found]:
    what = found.what
    if _is_ours(what):
        for name, value in _attributes(what):
            yield Found(f"{type(what).__name__}.{name}", value)
    elif isinstance(what, Mapping):
        for key, value in list(what.items()):
            yield Found(found.where, key)
            yield Found(found.where, value)
    elif isinstance(what, list | tuple | set | frozenset | deque):
        for value in list(what):
            yield Found(found.where, value)


def _is_ours(what: object) -> bool:
    return type(what).__module__.startswith(_OURS) and not isinstance(what, type)


def _attributes(what: object) -> Iterator[tuple[str, object]]:
    names = dict.fromkeys(getattr(what, "__dict__", ()))
    for kind in type(what).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.update(dict.fromkeys([slots] if isinstance(slots, str) else slots))
        names.update(dict.fromkeys(getattr(kind, "_fields", ())))
    for name in names:
        if name != "__dict__" and hasattr(what, name):
            yield name, getattr(what, name)


def ours(part: object) -> Iterator[object]:
    """The objects of the project's own classes among them."""
    return (found.what for found in everything(part) if _is_ours(found.what))


def sizes(part: object) -> dict[str, int]:
    """How much lies in each attribute: items of containers; of arrays, kilobytes."""
    counted: dict[str, int] = {}
    for where, what in everything(part):
        size = 0
        if isinstance(what, np.ndarray):
            size = what.nbytes >> 10 if what.base is None else 0
        elif isinstance(what, Mapping | list | set | deque) and not _is_ours(what):
            size = len(what)
        if size:
            counted[where] = counted.get(where, 0) + size
    return counted
