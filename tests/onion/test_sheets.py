"""Room that is used again: nobody gets what somebody still has."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from numpy.typing import NDArray
from zones import FUZZ

from pymix_voice.onion.sheets import Sheets

WIDTH = 24


def test_no_two_have_the_same_room_until_it_is_used_again() -> None:
    sheets = Sheets(WIDTH)
    first, second = sheets.take(5), sheets.take(5)
    assert first.shape == second.shape == (5, WIDTH)
    assert not np.shares_memory(first, second)
    sheets.reuse()
    assert np.shares_memory(sheets.take(5), first)
    assert np.shares_memory(sheets.take(5), second)


def test_rounds_of_one_size_ask_for_no_more_memory() -> None:
    sheets = Sheets(WIDTH)
    taken = []
    for _ in range(50):
        taken += [sheets.take(40), sheets.take(7)]
        sheets.reuse()
    assert len({each.__array_interface__["data"][0] for each in taken}) == 2


def test_a_little_more_than_before_fits_the_same_room() -> None:
    """Lines and doors take turns, and epochs grow."""
    sheets = Sheets(WIDTH)
    before = sheets.take(40)
    sheets.reuse()
    assert np.shares_memory(sheets.take(50), before)


def test_no_rows_are_a_matrix_too() -> None:
    assert Sheets(WIDTH).take(0).shape == (0, WIDTH)


class WhatWasTakenStaysAsItWasWritten(RuleBasedStateMachine):
    """Matrices of any size, each filled with a byte of its own, looked at until `reuse`."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets = Sheets(WIDTH)
        self.held: list[NDArray[np.uint8]] = []

    @rule(rows=st.integers(0, 40))
    def take(self, rows: int) -> None:
        matrix = self.sheets.take(rows)
        assert matrix.shape == (rows, WIDTH)
        assert matrix.flags.c_contiguous
        matrix[:] = len(self.held) % 256
        self.held.append(matrix)

    @rule()
    def reuse(self) -> None:
        self.sheets.reuse()
        self.held.clear()

    @invariant()
    def nothing_was_overwritten(self) -> None:
        for mark, matrix in enumerate(self.held):
            assert (matrix == mark % 256).all()


WhatWasTakenStaysAsItWasWritten.TestCase.settings = FUZZ
TestSheets = WhatWasTakenStaysAsItWasWritten.TestCase
