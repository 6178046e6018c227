"""A bar beside a measurement, and what a Ctrl-C leaves."""

from collections.abc import Iterator

import pytest

from pymix_voice.cli.progress import follow


def stopped_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise KeyboardInterrupt


def test_all_things_are_gathered_in_order() -> None:
    assert follow(iter("abc"), 3, "letters") == (["a", "b", "c"], True)


def test_a_ctrl_c_keeps_what_is_there() -> None:
    assert follow(stopped_after(2), 5, "numbers") == ([0, 1], False)


def test_nothing_is_written_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    follow(range(3), 3, "numbers")
    assert capsys.readouterr() == ("", "")
