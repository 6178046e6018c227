"""Calls with live sound devices: real processes, real PortAudio, JACK servers as sound cards."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trio
from eventually import eventually
from numpy.typing import NDArray
from soundserver import Recording, Rig, SoundServer, sound_server

from pymix_voice.geometry import SAMPLE_RATE
from pymix_voice.lab.measure import WINDOW_S, band_limited, delays, match
from pymix_voice.lab.processes import PYMIX_VOICE, Part, Parts, Told, parts_in
from pymix_voice.lab.zoning import make_zone, start_zone
from pymix_voice.voice.recordings import read_recording

pytestmark = pytest.mark.live

SAMPLES = Path(__file__).parents[2] / "samples"
START_S, ZONE_S, CALL_S, END_S = 20.0, 30.0, 30.0, 10.0
PIECE, ROOM = SAMPLE_RATE // 5, SAMPLE_RATE // 66
SPOKEN_DB = -20.0


@asynccontextmanager
async def zone_at_work(folder: Path, logs: Path) -> AsyncIterator[Path]:
    """A zone of a gateway and three mixes; where its files are."""
    async with parts_in(logs) as parts:
        await start_zone(parts, await make_zone(parts, folder, 3), folder)
        yield folder


@asynccontextmanager
async def people_at(server: SoundServer, logs: Path) -> AsyncIterator[Parts]:
    """A place to start programs whose sound card is this server."""
    async with parts_in(logs, server.command(*PYMIX_VOICE)) as parts:
        yield parts


def options(zone: Path, name: str, more: str = "") -> list[str]:
    words = f"--zone {zone} --profile {zone.with_name(name)} --json --status 1 {more}"
    return words.split()


async def play(rig: Rig, pcm: NDArray[np.int16]) -> None:
    """Speak to the end."""
    rig.play(pcm)
    await trio.to_thread.run_sync(rig.wait, abandon_on_cancel=True)


async def hang_up(part: Part) -> Told:
    """End a program as Ctrl-C does, and come back when it has; how the call was."""
    part.no_longer_needed()
    part.signal(signal.SIGINT)
    with trio.fail_after(END_S):
        await part.gone()
    return await part.until("summary", within_s=1)


def noted(part: Part, text: str, times: int = 1) -> bool:
    return sum(text in str(told["text"]) for told in part.all_told("note")) >= times


def without_devices(part: Part) -> bool:
    newest = part.all_told("status")[-1]
    return (newest["input"], newest["output"]) == ("no microphone", "no loudspeaker")


def likeness(said: NDArray[np.int16], heard: NDArray[np.int16]) -> float:
    """The median likeness of short pieces, which a slow drift of clocks leaves as they are."""
    voice, sound = band_limited(said), np.pad(band_limited(heard), ROOM)
    matches = match(said, heard)
    middle = int(WINDOW_S * SAMPLE_RATE) // 2
    starts, lags = middle + matches.starts, matches.lags.astype(int)
    pieces = [voice[start : start + PIECE] for start in starts]
    energies = np.array([piece @ piece for piece in pieces])
    peaks = []
    for start, lag, piece, energy in zip(starts, lags, pieces, energies, strict=True):
        around = sound[start + lag : start + lag + PIECE + 2 * ROOM]
        if energy < energies.max() * 10 ** (SPOKEN_DB / 10) or len(around) < PIECE:
            continue
        dots = np.correlate(around, piece, "valid")
        there = np.convolve(around**2, np.ones(PIECE), "valid")
        peaks.append(float(np.max(dots / np.sqrt(there * energy + 1e-9))))
    return float(np.median(peaks))


def heard_well(
    what: str,
    said: NDArray[np.int16],
    spoken_at: float,
    there: Recording,
    search_s: float,
    least: float = 0.9,
) -> float:
    """The median delay of what was said, which must have been heard as it was."""
    found = delays(said, spoken_at, there.heard, there.heard_at, search_s)
    likeliest, median = likeness(said, there.heard), float(np.median(found))
    slowest = float(np.max(found))
    sys.stdout.write(
        f"{what}: likeness {likeliest:.3f}, from mouth to ear {1000 * median:.0f} ms, "
        f"at most {1000 * slowest:.0f} ms, {there.skipped} cycles left out\n"
    )
    assert likeliest > least
    return median


def went_well(summary: Told, talked_s: float) -> None:
    """Little was lost on the way, and hardly anything at the sound cards."""
    assert abs(summary["frames_sent"] - 50 * talked_s) < 75
    assert summary["loss_after_repair"] < 0.02
    assert summary["mouth_trouble"] + summary["ear_trouble"] < 60


@pytest.mark.slow
async def test_two_people_with_microphones_and_loudspeakers_hear_each_other(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    by_alice = read_recording(SAMPLES / "austen-amiable.wav")
    by_bob = read_recording(SAMPLES / "austen-leisure.wav")[: len(by_alice)]
    with sound_server("alice", tmp_path) as here, sound_server("bob", tmp_path) as there:
        async with (
            zone_at_work(tmp_path / "zone", logs) as zone,
            people_at(here, logs) as at_home,
            people_at(there, logs) as elsewhere,
        ):
            words = options(zone, "bob", "--auto-answer --once")
            bob = elsewhere.start("bob", "listen", *words, lasts=False)
            address = (await bob.until("address", within_s=START_S))["address"]
            await bob.until("in zone", within_s=ZONE_S)
            words = options(zone, "alice", "--now")
            alice = at_home.start("alice", "call", address, *words, lasts=False)
            talking = [await part.until("talking", within_s=CALL_S) for part in (alice, bob)]
            with here.rig() as home, there.rig() as away:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(play, home, by_alice)
                    nursery.start_soon(play, away, by_bob)
                await trio.sleep(0.5)
            alices = await hang_up(alice)
            await bob.finished(within_s=END_S)
            bobs = await bob.until("summary", within_s=1)
    at_alice, at_bob = home.recording(), away.recording()
    for what, said, spoken_at, heard in (
        ("Alice to Bob", by_alice, at_alice.spoken_at(), at_bob),
        ("Bob to Alice", by_bob, at_bob.spoken_at(), at_alice),
    ):
        assert 0.03 < heard_well(what, said, spoken_at, heard, 1.5) < 0.25
    for summary, since in zip((alices, bobs), talking, strict=True):
        went_well(summary, summary["t"] - since["t"])


@pytest.mark.slow
async def test_a_call_to_the_echo_goes_on_while_the_sound_card_is_gone(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    said = read_recording(SAMPLES / "austen-selfish.wav")
    with sound_server("carol", tmp_path) as card:
        async with zone_at_work(tmp_path / "zone", logs) as zone, people_at(card, logs) as people:
            echo = people.start("echo", "echo", *options(zone, "echo"))
            address = (await echo.until("address", within_s=START_S))["address"]
            await echo.until("in zone", within_s=ZONE_S)
            words = options(zone, "carol", "--now")
            carol = people.start("carol", "call", address, *words, lasts=False)
            talking = await carol.until("talking", within_s=CALL_S)
            before = await speak(card, said)
            card.kill()
            await eventually(partial(noted, carol, "microphone and the loudspeaker stopped"), END_S)
            # It was looked for in vain by the time that this is told.
            await eventually(partial(without_devices, carol), END_S)
            card.start()
            await eventually(partial(noted, carol, "sound is back"), START_S)
            after = await speak(card, said)
            states = {told["state"] for told in carol.all_told("status", since=talking["t"])}
            # Once more, and while it is gone the call ends, and the program with it.
            card.kill()
            await eventually(partial(noted, carol, "stopped", 2), END_S)
            await hang_up(echo)
            await carol.finished(within_s=END_S)
            summary = await carol.until("summary", within_s=1)
    for what, heard in (("Carol's echo", before), ("her echo afterwards", after)):
        assert 1.0 < heard_well(what, said, heard.spoken_at(), heard, 3.0, least=0.8) < 1.6
    assert states == {"talking"}
    assert len(echo.all_told("ended")) == 1
    assert "Traceback" not in (logs / "carol.log").read_text()
    assert abs(summary["frames_sent"] - 50 * (summary["t"] - talking["t"])) < 75
    assert summary["loss_after_repair"] < 0.02


async def speak(card: SoundServer, said: NDArray[np.int16]) -> Recording:
    """Say something to the echo, and hear it to its end."""
    with card.rig() as rig:
        await play(rig, said)
        await trio.sleep(1.5)
    return rig.recording()
