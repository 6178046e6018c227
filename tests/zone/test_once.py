"""Numbers that are each used at most once: none twice, whatever the order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from zones import FUZZ

from pymix_voice.zone.rounds import Once


class OnceEqualsASet(RuleBasedStateMachine):
    """`Once` beside a plain set of all numbers ever used up."""

    def __init__(self) -> None:
        super().__init__()
        self.once = Once(window=8)
        self.claimed: set[int] = set()
        self.closed = -1

    def used(self, number: int) -> bool:
        return number in self.claimed or number <= self.closed

    @rule(number=st.integers(0, 40))
    def claim(self, number: int) -> None:
        assert self.once.claim(number) is not self.used(number)
        if not self.used(number):
            self.claimed.add(number)
            self.closed = max(self.closed, number - 8)

    @rule(number=st.integers(-3, 45))
    def close(self, number: int) -> None:
        self.once.close_until(number)
        self.closed = max(self.closed, number)

    @invariant()
    def knows_the_same_numbers(self) -> None:
        assert [n for n in range(60) if n in self.once] == [n for n in range(60) if self.used(n)]


OnceEqualsASet.TestCase.settings = FUZZ
TestOnce = OnceEqualsASet.TestCase


def test_numbers_claimed_for_hours_leave_nothing_behind_but_the_floor() -> None:
    once = Once()
    assert all(once.claim(number) for number in range(5000))
    assert once.floor == 4999
