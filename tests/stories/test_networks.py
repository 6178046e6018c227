"""A call under each network profile, in the simulated world: it stands, and loses what it must."""

import pytest
from calls import heard_from, online, talk

from pymix_voice.client.states import State
from pymix_voice.lab.cast import Person
from pymix_voice.lab.profiles import PROFILES, Profile
from pymix_voice.lab.world import World

TALK_S = 8.0
LATE = 0.02
"""At most so much is lost by being late: clients learn what their path is like."""


def share_lost(person: Person, peer: Person) -> float:
    """Of the peer's frames between the first and the last that was heard."""
    numbers = heard_from(person, peer)
    return 1 - len(set(numbers)) / (max(numbers) - min(numbers) + 1)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda each: each.name)
def test_a_call_is_set_up_and_loses_what_two_access_links_lose(profile: Profile) -> None:
    world = World(seed=1, mixes=2, clients=2, access=profile.access, chain=profile.chain)
    alice, bob = world.join("alice"), world.join("bob")
    online(world, alice, bob)
    talk(world, alice, bob)
    world.run(TALK_S)
    assert alice.machine.phone.state == bob.machine.phone.state == State.TALKING
    loss = (share_lost(alice, bob) + share_lost(bob, alice)) / 2
    law = profile.access
    # Four links lose, each way two of them; bursts come on their own.
    deviation = (2 * law.loss * law.burst / (50 * TALK_S)) ** 0.5
    expected = 1 - (1 - law.loss) ** 2
    assert expected - 3 * deviation <= loss <= expected + 3 * deviation + LATE
    if not law.wait and not law.reorder:
        assert loss == 0
