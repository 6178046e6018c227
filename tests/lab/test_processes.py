"""Parts are heard, blamed by name when they fail, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from pymix_voice.lab.processes import PartError, Told, parts_in

pytestmark = pytest.mark.live

PYTHON = (sys.executable, "-c")
TELL = "import json, os, sys, time\ndef tell(**told): print(json.dumps(told), flush=True)\n"
FOREVER = TELL + "tell(event='online', pid=os.getpid())\ntime.sleep(60)"
STUBBORN = TELL + (
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "tell(event='online', pid=os.getpid())\ntime.sleep(60)"
)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


async def failure_of(tmp_path: Path, program: str, *, lasts: bool) -> str:
    """What is said of a part that runs this program while we wait for it to be online."""
    with pytest.RaisesGroup(PartError) as raised:
        async with parts_in(tmp_path, PYTHON) as parts:
            part = parts.start("mix 2", program, lasts=lasts)
            await part.until("online", within_s=5)
            await trio.sleep_forever()
    return str(raised.value.exceptions[0])


async def test_what_a_part_tells_is_heard_and_other_lines_are_ignored(tmp_path: Path) -> None:
    program = TELL + "print('{half'); print('[1]')\ntell(event='in zone', population=4)"
    async with parts_in(tmp_path, PYTHON) as parts:
        part = parts.start("callee", program, lasts=False)
        told: Told = await part.until("in zone", within_s=5)
        await part.finished(within_s=5)
    assert told["event"] == "in zone"
    assert told["population"] == 4
    assert 0 <= time.monotonic() - told["t"] < 5
    assert part.all_told("in zone") == [told]
    assert part.all_told("in zone", since=told["t"] + 1) == []


async def test_a_part_that_ends_with_an_error_is_named_with_its_last_words(tmp_path: Path) -> None:
    program = "import sys; print('the port is in use', file=sys.stderr); sys.exit(1)"
    text = await failure_of(tmp_path, program, lasts=True)
    assert text == "mix 2 ended with exit code 1:\n  the port is in use"


async def test_a_part_that_ends_well_but_should_have_gone_on_is_a_failure(tmp_path: Path) -> None:
    text = await failure_of(tmp_path, TELL + "tell(event='note', text='leaving')", lasts=True)
    assert text == "mix 2 ended with exit code 0:\n  leaving"


async def test_a_part_that_ends_before_the_awaited_word_is_a_failure(tmp_path: Path) -> None:
    program = TELL + "tell(event='ended', reason='busy')"
    text = await failure_of(tmp_path, program, lasts=False)
    assert text == "mix 2 ended without being 'online':\n  busy"


async def test_a_part_killed_by_someone_is_a_failure_that_says_so(tmp_path: Path) -> None:
    program = "import os; os.kill(os.getpid(), 9)"
    assert await failure_of(tmp_path, program, lasts=True) == "mix 2 was ended by SIGKILL"


async def test_waiting_has_an_end(tmp_path: Path) -> None:
    with pytest.RaisesGroup(PartError) as raised:
        async with parts_in(tmp_path, PYTHON) as parts:
            part = parts.start("caller", FOREVER)
            await part.until("talking", within_s=0.1)
    assert str(raised.value.exceptions[0]) == "caller was not 'talking' within 0 s"


@pytest.mark.parametrize("program", [FOREVER, STUBBORN], ids=["willing", "stubborn"])
@pytest.mark.slow
async def test_no_part_is_left_however_the_place_is_left(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pymix_voice.lab.processes.GRACE_S", 0.3)
    pids = []
    with trio.move_on_after(5) as scope:
        async with parts_in(tmp_path, PYTHON) as parts:
            for name in ("mix 1", "mix 2"):
                told = await parts.start(name, program).until("online", within_s=5)
                pids.append(told["pid"])
            scope.cancel()
            await trio.sleep_forever()
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of the killed")
def test_parts_of_a_program_that_is_killed_outright_end_too(tmp_path: Path) -> None:
    program = f"""
import pathlib, sys, trio
from pymix_voice.lab.processes import parts_in
async def main():
    async with parts_in(pathlib.Path({str(tmp_path)!r}), (sys.executable, "-c")) as parts:
        part = parts.start("mix 1", {STUBBORN!r})
        print((await part.until("online", within_s=5))["pid"], flush=True)
        await trio.sleep_forever()
trio.run(main)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(json.loads(owner.stdout.readline()))
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(pid)
