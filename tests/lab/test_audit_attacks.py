"""All attacks: told apart by their names, and unmoved by recordings in which little happens."""

from dataclasses import replace

import numpy as np
import pytest
from tapped import BEGIN, CELL_UP, Side, tap

from pymix_voice.lab.audit.attack import Attack, Recording, Watcher, Watermark, attempt, caught
from pymix_voice.lab.audit.attacks import ATTACKS
from pymix_voice.lab.audit.capture import Call
from pymix_voice.lab.audit.guesses import Linking, Telling
from pymix_voice.lab.audit.insiders import Epoch, Insiders
from pymix_voice.onion.dice import Dice

each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


def stamped() -> Recording:
    """Every client does exactly the same, all the time; so does every row."""
    made = tap(1, clients=14, seconds=12.0, pairs=0)
    made.calls += [Call(n, n + 1, BEGIN + 1 + n, BEGIN + 9) for n in range(0, 8, 2)]
    rounds = np.linspace(BEGIN, BEGIN + 12.0, 600, endpoint=False)
    made.ups = [Side.of(rounds.copy(), CELL_UP) for _ in range(14)]
    made.downs = [Side.of(rounds + 0.01, CELL_UP) for _ in range(14)]
    epoch = Epoch(
        0,
        BEGIN,
        BEGIN + 4,
        rows=np.arange(6),
        partners=np.array([1, 0, 3, 2, 4, 5]),
        evidence=np.zeros((200, 6)),
        present=np.ones((200, 6), np.bool_),
        rounds=np.arange(200),
        doors=np.arange(6),
        replayed=((1, -1),),
        garbled=(2,),
    )
    order = np.array([3, 0, 5, 1, 2, 4])
    marks = [
        Watermark(0, drops, BEGIN + np.arange(0.0, 12.0), 0.5, np.arange(12) % 3 == 0)
        for drops in (True, False)
    ]
    recording = made.recording(Insiders((epoch,), (order,)))
    return replace(recording, watermarks=tuple(marks))


def nearly_nothing() -> Recording:
    """Nobody sends anything, though two are said to talk."""
    made = tap(1, clients=3, seconds=9.0, pairs=1)
    made.ups = [Side.of(np.zeros(0), CELL_UP) for _ in range(3)]
    made.downs = [Side.of(np.zeros(0), CELL_UP) for _ in range(3)]
    return made.recording()


def test_every_attack_has_a_name_of_its_own_and_plain_words() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) == 17
    for attack in ATTACKS:
        assert attack.wants[0].islower()
        assert attack.wants[-1].isalpha()
        assert attack.way[0].isupper()
        assert attack.way.endswith(".")
        assert attack.source[-4:].isdigit()
    watchers = [attack.watcher for attack in ATTACKS]
    assert watchers == sorted(watchers, key=list(Watcher).index)


@each_attack
def test_where_all_is_alike_all_scores_are(attack: Attack) -> None:
    guess = attack.guess(stamped(), Dice.seeded(1))
    assert guess is not None
    assert not np.isnan(guess.scores).any()
    if attack.name in {"row-order", "start-stop"}:  # places differ; equal ones are matched at will
        return
    if isinstance(guess, Telling):
        assert np.ptp(guess.scores) == pytest.approx(0.0)
    else:
        possible = np.where(np.isfinite(guess.scores), guess.scores, np.nan)
        assert np.nanmax(possible, axis=1) == pytest.approx(np.nanmin(possible, axis=1))


@each_attack
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 3.0])
def test_short_recordings_are_no_trouble(attack: Attack, seconds: float) -> None:
    recording = stamped()
    short = replace(recording, capture=recording.capture.until(BEGIN + seconds))
    guess = attack.guess(short, Dice.seeded(1))
    assert guess is None or not np.isnan(guess.scores).any()


@each_attack
def test_links_without_datagrams_are_no_trouble(attack: Attack) -> None:
    guess = attack.guess(nearly_nothing(), Dice.seeded(1))
    assert guess is None or not np.isnan(guess.scores).any()


@each_attack
def test_the_same_dice_guess_the_same(attack: Attack) -> None:
    recording = stamped()
    one, other = (attack.guess(recording, Dice.seeded(2)) for _ in range(2))
    assert one is not None
    assert other is not None
    assert np.array_equal(one.scores, other.scores)
    assert np.array_equal(one.truth, other.truth)


@each_attack
def test_the_right_answer_is_always_a_possible_one(attack: Attack) -> None:
    guess = attack.guess(stamped(), Dice.seeded(3))
    if isinstance(guess, Linking):
        assert np.isfinite(guess.scores[np.arange(len(guess.truth)), guess.truth]).all()


@pytest.mark.slow
def test_all_attacks_together_find_nothing_where_nothing_is() -> None:
    recordings = [tap(seed).recording() for seed in range(11, 14)]
    judged = {attack.name: attempt(attack, recordings, Dice.seeded(1)) for attack in ATTACKS}
    found = {name: each for name, each in judged.items() if each is not None}
    assert len(found) == 9, "those of outsiders who strike nobody"
    assert not any(caught(found).values())
