"""Watermarks and clocks: found where they show, chance where they do not."""

import numpy as np
import pytest
from tapped import BEGIN, DELAY_S, Tap, near_chance, tap, tried

from pymix_voice.lab.audit.attack import Attack, Recording, Watermark
from pymix_voice.lab.audit.attacks import skew, watermarks
from pymix_voice.onion.dice import Dice

SLOT_S = 0.4


def struck(made: Tap, *, drops: bool) -> tuple[Watermark, ...]:
    """Every caller is struck in half of all slots, all the time."""
    marks = []
    at = np.arange(BEGIN, BEGIN + made.seconds - SLOT_S, SLOT_S)
    for call in made.calls:
        chosen = made.numbers.random(len(at)) < 0.5
        marks.append(Watermark(call.caller, drops, at, SLOT_S, chosen))
        side = made.ups[call.caller]
        hit = chosen[((side.at - BEGIN) / SLOT_S).astype(int).clip(0, len(at) - 1)]
        if drops:
            side.drop(hit & (made.numbers.random(len(side.at)) < 0.2))
        else:
            side.at = np.sort(side.at + 0.003 * hit)
    return tuple(marks)


def marked(made: Tap, *, drops: bool, shows: bool) -> Recording:
    marks = struck(made, drops=drops)
    for mark, call in zip(marks, made.calls, strict=True) if shows else ():
        side = made.downs[call.callee]
        place = ((side.at - DELAY_S - BEGIN) / SLOT_S).astype(int).clip(0, len(mark.at) - 1)
        hit = mark.struck[place] & made.in_call(call.callee, side.at)
        if drops:
            side.drop(hit & (made.numbers.random(len(side.at)) < 0.2))
        else:
            side.at = np.sort(side.at + 0.001 * hit)
    recording = made.recording()
    return Recording(recording.capture, recording.truth, watermarks=marks)


@pytest.mark.parametrize("attack", [watermarks.DELAY, watermarks.DROP], ids=lambda each: each.name)
def test_a_pattern_that_shows_at_the_peer_is_found(attack: Attack) -> None:
    judged = tried(attack, marked(tap(7), drops=attack is watermarks.DROP, shows=True))
    assert judged.n == 12
    assert judged.p < 0.01
    assert judged.success > 0.4


@pytest.mark.parametrize("attack", [watermarks.DELAY, watermarks.DROP], ids=lambda each: each.name)
def test_a_pattern_that_ends_at_the_gateway_tells_nothing(attack: Attack) -> None:
    drops = attack is watermarks.DROP
    assert near_chance(tried(attack, *(marked(tap(s), drops=drops, shows=False) for s in range(3))))


def test_a_mark_on_somebody_idle_is_not_judged() -> None:
    made = tap(1, clients=6, seconds=4.0, pairs=1)
    idle = next(client for client in range(6) if client not in made.calls[0][:2])
    at = BEGIN + np.arange(4.0)
    mark = Watermark(idle, True, at, 0.4, np.array([True, False, True, False]))
    recording = made.recording()
    recording = Recording(recording.capture, recording.truth, watermarks=(mark,))
    assert watermarks.DROP.guess(recording, Dice.seeded(1)) is None
    assert watermarks.DELAY.guess(recording, Dice.seeded(1)) is None


def test_clients_are_known_again_by_their_clocks() -> None:
    made = tap(3, clients=20, seconds=60.0, pairs=0)
    for side in made.ups:
        side.at = BEGIN + (side.at - BEGIN) * (1 + 1e-6 * made.numbers.normal(0, 50))
    judged = tried(skew.ATTACK, made.recording())
    assert judged.n == 20
    assert judged.p < 0.01
    assert judged.success > 0.2


def test_clients_steered_to_one_clock_are_not_told_apart() -> None:
    """Though their instants in the round, and how much these jitter, stay as they are."""
    made = [tap(seed) for seed in range(5, 10)]
    for each in made:
        for side in each.ups[:20]:
            side.at = np.sort(side.at + each.numbers.normal(0, 0.002, len(side.at)))
    assert near_chance(tried(skew.ATTACK, *(each.recording() for each in made)))
