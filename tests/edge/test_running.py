"""Running: one plain error comes out, and signals end it."""

import os
import signal

import pytest
import trio
import trio.testing

from pymix_voice.edge.running import run, wait_for_signal
from pymix_voice.errors import ConfigError, Misuse

pytestmark = pytest.mark.live


async def _fail_within(*errors: BaseException) -> None:
    async def fail(error: BaseException) -> None:
        raise error

    async with trio.open_nursery() as nursery:
        for error in errors:
            nursery.start_soon(fail, error)


def test_what_was_made_comes_out() -> None:
    async def main() -> int:
        await trio.lowlevel.checkpoint()
        return 7

    assert run(main) == 7


def test_an_error_that_a_person_can_act_on_comes_out_alone() -> None:
    with pytest.raises(ConfigError, match="write it down"):
        run(lambda: _fail_within(ConfigError("write it down")))


def test_our_own_faults_keep_their_tracebacks() -> None:
    with pytest.raises(BaseExceptionGroup) as told:
        run(lambda: _fail_within(ConfigError("first"), Misuse("second")))
    assert told.value.subgroup(Misuse) is not None


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_what_is_nobodys_bug_comes_out_as_it_is(error: type[BaseException]) -> None:
    with pytest.raises(error):
        run(lambda: _fail_within(error()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_either_signal_ends_it(number: signal.Signals, nursery: trio.Nursery) -> None:
    found: list[int] = []

    async def wait() -> None:
        found.append(await wait_for_signal())

    nursery.start_soon(wait)
    await trio.testing.wait_all_tasks_blocked()
    os.kill(os.getpid(), number)
    with trio.fail_after(5):
        while not found:
            await trio.lowlevel.checkpoint()
    assert found == [number]
