"""Lives that are recorded for the audit: what watchers have, and what each broken build does."""

from functools import cache

import numpy as np
import pytest

from pymix_voice.errors import ConfigError
from pymix_voice.lab.audit.attack import Recording
from pymix_voice.lab.audit.capture import Truth
from pymix_voice.lab.audit.insiders import NOBODY, Epoch
from pymix_voice.lab.audit.script import script
from pymix_voice.lab.audit.variants import BROKEN, HEALTHY, find
from pymix_voice.lab.audit.worlds import record
from pymix_voice.onion.dice import Dice

PEOPLE, ENDS_S, SEED = 8, 15.0, 3
TALK_S = 9.0
"""From here on the first calls stand, from the start of a life."""


@cache
def life(name: str) -> Recording:
    """A small one of this build; it is lived once."""
    return record(find(name), SEED, people=PEOPLE, ends=ENDS_S)


def epochs(name: str) -> tuple[Epoch, ...]:
    insiders = life(name).insiders
    assert insiders is not None
    return insiders.epochs


def talkers(truth: Truth) -> set[int]:
    return {client for call in truth.calls for client in call[:2]}


def sent(name: str) -> list[int]:
    """How many datagrams each client sent while the first calls stood."""
    capture = life(name).capture
    begin = capture.end - ENDS_S + TALK_S
    return [len(capture.up(client).between(begin, capture.end).at) for client in range(PEOPLE)]


def test_a_script_has_calls_between_different_people_and_some_who_are_idle() -> None:
    plan = script(36, 24.0, Dice.seeded(1))
    busy = [client for call in plan.calls for client in call[:2]]
    assert len(busy) == len(set(busy)) == 22
    assert any(call.hangs_up < 24.0 for call in plan.calls)
    assert set(plan.leaves).isdisjoint(busy)
    assert set(plan.comes).isdisjoint(busy)


@pytest.mark.slow
def test_a_healthy_life_has_cells_of_one_size_calls_and_rows_joined_as_people_talk() -> None:
    recording = life(HEALTHY.name)
    capture, insiders = recording.capture, recording.insiders
    assert insiders is not None
    for client in talkers(recording.truth):
        sizes = set(capture.up(client).between(capture.begin, capture.end).sizes.tolist())
        assert len(sizes & {152, 346}) == 2
        assert set(capture.down(client).sizes[-100:].tolist()) == {176}
    assert 0 < capture.lost.mean() < 0.02
    assert len(recording.truth.calls) >= 2
    last, truth_rows = insiders.epochs[-1], insiders.truth_rows[-1]
    assert sorted(truth_rows.tolist()) == list(range(len(last.rows)))
    assert truth_rows.tolist() != sorted(truth_rows.tolist())
    whose = last.rows[truth_rows]
    joined = {
        frozenset((int(whose[row]), int(whose[partner])))
        for row, partner in enumerate(last.partners.tolist())
        if row != partner
    }
    assert {frozenset(call[:2]) for call in recording.truth.calls} <= joined
    assert last.present.shape == (len(last.rounds), len(last.rows))
    assert 0.9 < last.present.mean() < 1.0
    assert last.evidence.max() < 16
    assert sorted(last.doors.tolist()) == sorted(last.rows.tolist())
    assert [len(epoch.garbled) >= 3 for epoch in insiders.epochs] == [False, True, True]
    assert len(last.replayed) >= 2
    assert {there for _, there in last.replayed} == {NOBODY}
    assert {mark.drops for mark in recording.watermarks} == {True, False}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_life() -> None:
    once, again = life(HEALTHY.name), record(HEALTHY, SEED, people=PEOPLE, ends=ENDS_S)
    assert np.array_equal(once.capture.at, again.capture.at)
    assert np.array_equal(once.capture.sizes, again.capture.sizes)
    assert once.truth == again.truth


@pytest.mark.slow
def test_at_a_shorter_time_less_is_known() -> None:
    half = life(HEALTHY.name).until(0.5)
    assert half.insiders is not None
    assert len(half.insiders.epochs) < len(epochs(HEALTHY.name))
    assert half.capture.end < life(HEALTHY.name).capture.end


@pytest.mark.slow
def test_who_is_silent_in_a_call_sends_less_with_dtx() -> None:
    busy = sorted(talkers(life("dtx").truth))
    healthy, counts = sent(HEALTHY.name), sent("dtx")
    # Whose turn it is may last: of two, one may speak all the time.
    ratios = [counts[client] / healthy[client] for client in busy]
    assert min(ratios) < 0.6, ratios
    assert np.mean(ratios) < 0.85, ratios


@pytest.mark.slow
def test_a_missing_cell_is_seen_by_the_last_mix_with_tags_and_by_everybody_without_healing() -> (
    None
):
    for name in ("hop-tags", "no-healing"):
        last = epochs(name)[-1]
        shown = last.evidence.T == 128  # every byte of the cell
        assert shown.any()
        # Those of a client that lost much show as often as it lost.
        assert abs(int(shown.sum()) - int((~last.present).sum())) <= 0.1 * shown.sum()
    downs = [
        sum(len(life(name).capture.down(client).at) for client in range(PEOPLE))
        for name in (HEALTHY.name, "hop-tags", "no-healing")
    ]
    assert downs[0] == downs[1] > downs[2]


@pytest.mark.slow
def test_free_clocks_have_rates_of_their_own_and_steered_ones_that_of_the_zone() -> None:
    def rates(name: str) -> list[float]:
        """By how much each client's usual interval is off, as a share of a round."""
        capture = life(name).capture
        found = []
        for client in sorted(talkers(life(name).truth)):
            way = capture.up(client).between(capture.end - 6.0, capture.end)
            # A door's cell goes out right behind the line's.
            at = np.unique(way.at[way.sizes == 152].round(9))
            found.append(float(np.median(np.diff(at))) / capture.round_s - 1)
        return found

    assert np.abs(rates(HEALTHY.name)).max() < 0.1e-6
    assert np.std(rates("free-clocks")) > 10e-6


@pytest.mark.slow
def test_a_mix_that_keeps_its_order_leaves_rows_where_they_are() -> None:
    insiders = life("row-order").insiders
    assert insiders is not None
    for rows in insiders.truth_rows:
        assert rows.tolist() == list(range(len(rows)))


@pytest.mark.slow
def test_a_round_that_is_taken_twice_tells_where_a_row_goes() -> None:
    insiders = life("takes-twice").insiders
    assert insiders is not None
    last, truth_rows = insiders.epochs[-1], insiders.truth_rows[-1]
    assert len(last.replayed) >= 2
    assert all(truth_rows[there] == row for row, there in last.replayed)


@pytest.mark.slow
def test_who_reconnects_says_hello_once_more_after_its_cells_were_spoilt() -> None:
    def hellos(name: str) -> int:
        capture = life(name).capture
        ways = [capture.up(client).between(capture.begin, capture.end) for client in range(PEOPLE)]
        return sum(int((way.sizes == 96).sum()) for way in ways)

    assert hellos("loop-reconnect") > hellos(HEALTHY.name)


@pytest.mark.slow
def test_with_one_circuit_those_who_talk_are_not_at_their_doors() -> None:
    busy = talkers(life("one-circuit").truth)
    last = epochs("one-circuit")[-1]
    assert busy.isdisjoint(last.doors.tolist())
    assert set(last.rows.tolist()) - busy <= set(last.doors.tolist())


@pytest.mark.slow
def test_with_work_in_calls_cells_leave_less_evenly() -> None:
    def evenness(name: str, at: float) -> float:
        """The least spread of intervals in a second of any who talk later: steering moves some."""
        capture = life(name).capture
        begin = capture.end - ENDS_S + at
        ways = [capture.up(each).between(begin, begin + 1.0) for each in talkers(life(name).truth)]
        return min(float(np.std(np.diff(np.unique(way.at.round(6))))) for way in ways)

    assert evenness(HEALTHY.name, 10.0) < 30e-6
    assert evenness("call-timing", 6.5) < 30e-6
    assert evenness("call-timing", 10.0) > 100e-6


def test_a_build_that_there_is_not_is_told_with_those_that_there_are() -> None:
    assert find(BROKEN[0].name) is BROKEN[0]
    with pytest.raises(ConfigError, match="there is no build 'worse'; there are as it is, dtx"):
        find("worse")
