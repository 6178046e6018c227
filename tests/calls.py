"""Verbs for stories in the simulated world: who calls whom, and what they hear."""

from pymix_voice.client.states import State
from pymix_voice.lab.cast import Person
from pymix_voice.lab.world import World

EPOCH_S = 4.0
LIMIT_EPOCHS = 5
"""What takes longer does not come."""


def online(world: World, *people: Person) -> None:
    """Everybody has rows."""
    world.run_until(lambda: all(person.machine.in_zone for person in people), _limit(world))


def dial(world: World, caller: Person, callee: Person) -> None:
    caller.machine.phone.dial(callee.identity.address, caller.machine.number)
    world.touch(caller.name)


def answer(world: World, person: Person) -> None:
    person.machine.phone.accept(person.machine.number)
    world.touch(person.name)


def hang_up(world: World, person: Person) -> None:
    person.machine.phone.hang_up(person.machine.number)
    world.touch(person.name)


def reach(world: World, person: Person, state: State, limit: float | None = None) -> None:
    limit = _limit(world) if limit is None else limit
    world.run_until(lambda: person.machine.phone.state == state, limit)


def _limit(world: World) -> float:
    return LIMIT_EPOCHS * world.zone.geometry.epoch_s


def talk(world: World, caller: Person, callee: Person) -> None:
    """From idle to voice both ways."""
    dial(world, caller, callee)
    reach(world, callee, State.INCOMING)
    answer(world, callee)
    reach(world, caller, State.TALKING)
    reach(world, callee, State.TALKING)


def first_call(world: World, caller: Person, callee: Person) -> None:
    """From joining to voice both ways: the very first set-up dials already."""
    world.run_until(lambda: caller.machine.number > 0, 5)
    talk(world, caller, callee)


def heard_from(person: Person, peer: Person) -> list[int]:
    """The numbers of the peer's frames that were heard, in order of hearing."""
    indices = []
    for _, heard in person.heard:
        name, index, _ = heard.frame.split(b" ", 2)
        assert name.decode() == peer.name
        indices.append(int(index))
    return indices


def lost(person: Person, peer: Person) -> int:
    """How many frames are missing between the first and the last that was heard."""
    indices = heard_from(person, peer)
    assert indices == sorted(set(indices)), "each frame at most once, in order"
    return indices[-1] - indices[0] + 1 - len(indices) if indices else 0


def ending(person: Person) -> str | None:
    """How the last call or dial ended."""
    return next((event.ending for _, event in reversed(person.events) if event.ending), None)


def frames_gained(world: World, person: Person, seconds: float) -> int:
    """How many of the peer's frames are heard in the next seconds."""
    before = len(person.heard)
    world.run(seconds)
    return len(person.heard) - before
