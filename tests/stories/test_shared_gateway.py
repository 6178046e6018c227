"""A gateway of two processes: to clients it is one, and it goes on when one of them is killed."""

import os
import signal
import sys
from pathlib import Path

import pytest
import soundfile
import trio

from pymix_voice.edge.clock import Clock
from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab import zoning
from pymix_voice.lab.processes import Part, Parts, parts_in
from pymix_voice.zone.zonefile import Zone

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux"),
]

WORKERS = 2


async def start_zone(parts: Parts, zone: Zone, folder: Path) -> tuple[Part, Part]:
    """A chain, and a gateway of two processes; returns the gateway and the first mix."""
    words = [*zoning.serve("gateway", folder, zone.gateways[0].port), "--workers", str(WORKERS)]
    gateway = parts.start("gateway", *words)
    mixes = [
        parts.start(f"mix {number}", *zoning.serve("mix", folder, entry.port))
        for number, entry in enumerate(zone.mixes, 1)
    ]
    for number in range(1, WORKERS + 1):
        part = f"worker {number} of {WORKERS}, of the zone"
        await note(gateway, part)
    return gateway, mixes[0]


async def note(part: Part, words: str, since: float = 0.0) -> None:
    """Wait for a note with these words in it."""
    await part.until(
        "note", within_s=zoning.START_S, since=since, where=lambda told: words in told["text"]
    )


def workers_of(gateway: Part) -> list[int]:
    """The processes that are the gateway, by number."""
    found: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == gateway.pid and b"--worker" in words:
            found[int(words[words.index(b"--worker") + 1])] = int(folder.name)
    return [found[number] for number in sorted(found)]


def short(name: str, folder: Path) -> Path:
    """The first two seconds of a recording."""
    spoken, rate = soundfile.read(zoning.samples() / name, frames=2 * SAMPLE_RATE, dtype="int16")
    path = folder / name
    soundfile.write(path, spoken, rate)
    return path


async def test_a_call_goes_through_and_who_loses_a_worker_comes_back(tmp_path: Path) -> None:
    home, logs = tmp_path / "home", tmp_path / "logs"
    logs.mkdir()
    heard, said = tmp_path / "heard.wav", short(zoning.CALLER_SAYS, tmp_path)
    answered, answer = tmp_path / "answered.wav", short(zoning.CALLEE_SAYS, tmp_path)
    with trio.fail_after(90):
        async with parts_in(logs) as parts:
            zone = await zoning.make_zone(parts, home / "zone", 2)
            gateway, mix = await start_zone(parts, zone, home / "zone")
            callee = parts.start(
                "callee", *zoning.listen(home, "callee", answer, heard), lasts=False
            )
            others = [parts.start(name, *zoning.idle(home, name)) for name in ("one", "two")]
            address = str((await callee.until("address", within_s=zoning.START_S))["address"])
            for person in (callee, *others):
                await person.until("in zone", within_s=zoning.ZONE_S)
            caller = parts.start("caller", *zoning.call(home, address, said, answered), lasts=False)
            for person in (caller, callee):
                await person.until("summary", within_s=zoning.ZONE_S + 10)
                await person.finished(within_s=10)
            await kill_each_in_turn(gateway, others)
            await note(mix, f"circuits of a new epoch: {len(others)} lines", Clock.now())
    for person in (caller, callee):
        assert person.all_told("summary")[0]["frames_heard"] > 50


async def kill_each_in_turn(gateway: Part, people: list[Part]) -> None:
    """Everybody was at the one or at the other: all come back, some maybe twice."""
    began = Clock.now()
    for number in range(WORKERS):
        before, since = workers_of(gateway), Clock.now()
        assert len(before) == WORKERS
        os.kill(before[number], signal.SIGKILL)
        await note(gateway, f"worker {number + 1} has ended, and is started again", since)
        await note(gateway, f"worker {number + 1} of {WORKERS}, of the zone", since)
        after = workers_of(gateway)
        assert [one == other for one, other in zip(before, after, strict=True)] == [
            index != number for index in range(WORKERS)
        ]
    for person in people:
        await person.until("online", within_s=15, since=began)
