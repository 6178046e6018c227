"""A call by real processes with a relay between them, which is the network of a profile."""

import sys
from pathlib import Path

import pytest

from pymix_voice.lab.outcome import Way
from pymix_voice.lab.processes import parts_in
from pymix_voice.lab.profiles import find
from pymix_voice.lab.relayed import start_relayed_zone
from pymix_voice.lab.zoning import START_S, ZONE_S, call, listen, make_zone

pytestmark = pytest.mark.live

SAMPLES = Path(__file__).parents[2] / "samples"
CALL_S, END_S = 30.0, 30.0
CHAIN_PASSES, ACCESS_PASSES = 6, 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the relay needs Linux")
async def test_a_call_is_heard_over_the_links_of_a_continent(tmp_path: Path) -> None:
    profile = find("continent")
    by_alice, by_bob = SAMPLES / "austen-selfish.wav", SAMPLES / "austen-amiable.wav"
    heard_by_alice, heard_by_bob = tmp_path / "alice.wav", tmp_path / "bob.wav"
    async with parts_in(tmp_path) as parts:
        zone = await make_zone(parts, tmp_path / "zone", 3)
        running = await start_relayed_zone(parts, zone, tmp_path / "zone", profile, tell_s=1.0)
        bob = parts.start("bob", *listen(tmp_path, "bob", by_bob, heard_by_bob), lasts=False)
        address = str((await bob.until("address", within_s=START_S))["address"])
        await bob.until("in zone", within_s=ZONE_S)
        words = call(tmp_path, address, by_alice, heard_by_alice)
        alice = parts.start("alice", *words, lasts=False)
        await alice.until("talking", within_s=ZONE_S + CALL_S)
        hers = await alice.until("summary", within_s=END_S)
        his = await bob.until("summary", within_s=END_S)
        relay = await running.relay.until("figures", within_s=5, since=hers["t"])
    ways = (
        Way("to_bob", hers, his, by_alice, heard_by_bob),
        Way("to_alice", his, hers, by_bob, heard_by_alice),
    )
    sys.stdout.write(f"{relay}\n")
    links_ms = 1000 * (CHAIN_PASSES * profile.chain.delay + ACCESS_PASSES * profile.access.delay)
    for way in ways:
        told = way.figures()
        sys.stdout.write(f"{told}\n")
        assert told["correlation"] > 0.8
        assert links_ms < told["mouth_to_ear_ms"]["p50"] < links_ms + 250
    # Nobody found a way around the relay, and it lost nothing: this profile does not.
    assert relay["chain"]["given"] > 1_000
    assert relay["access"]["given"] > 1_000
    assert (relay["lost"], relay["reordered"], relay["links"]) == (0, 0, 3)
    assert relay["drops"] == {}
