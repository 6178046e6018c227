"""A crowd as a program: its command line, its port, and what it tells of a zone of processes."""

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import trio

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.port import Port
from pymix_voice.lab.crowd.__main__ import options, shares
from pymix_voice.lab.crowd.group import SIZE
from pymix_voice.lab.crowd.port import SEGMENTS, open_crowd_port
from pymix_voice.lab.processes import parts_in
from pymix_voice.lab.zoning import ZONE_S, make_zone, start_zone
from pymix_voice.zone.drain import Burst

HERE = ("127.0.0.1", 0)
CROWD = (sys.executable, "-m", "pymix_voice.lab.crowd")


@pytest.mark.parametrize(("clients", "sockets"), [*product((1, 2, 31, 100), (1, 2, 7))])
def test_sockets_share_all_clients_and_part_no_pair(clients: int, sockets: int) -> None:
    sizes = list(shares(clients, sockets))
    assert sum(sizes) == clients
    assert len(sizes) <= sockets
    assert all(size % 2 == 0 for size in sizes[:-1])


def test_what_is_not_said_follows_from_what_is() -> None:
    found = options(["zone.toml", "--clients", "1100", "--calls", "0.2", "--cpu", "1"])
    assert (found.zone, found.clients, found.gateway) == (Path("zone.toml"), 1100, 0)
    assert (found.sockets, found.calls, found.seed, found.cpu) == (4, 0.2, None, 1)
    assert (found.bare, found.group) == (False, SIZE)
    assert found.seconds == float("inf")


def test_bare_clients_talk_to_themselves() -> None:
    assert options(["zone.toml"]).calls == 0.5
    found = options(["zone.toml", "--bare", "--group", "128"])
    assert (found.bare, found.calls, found.group) == (True, 0.0, 128)


@pytest.mark.parametrize(
    "words",
    [
        ["z", "--clients", "0"],
        ["z", "--calls", "2"],
        ["z", "--bare", "--calls", "0.5"],
        ["z", "--group", "33"],
        ["z", "--group", "0"],
        [],
    ],
)
def test_what_cannot_be_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        options(words)


@pytest.mark.live
async def test_a_burst_arrives_as_single_datagrams_in_order() -> None:
    rows = np.arange((SEGMENTS + 9) * 152, dtype=np.uint32).astype(np.uint8).reshape(-1, 152)
    with Port(HERE) as there, open_crowd_port(HERE, 0) as port:
        start = 0
        while start < len(rows):
            start = port.send(Burst(rows, there.address, "access"), start)
        came: list[bytes] = []
        with trio.fail_after(5):
            while len(came) < len(rows):
                await there.readable()
                drain = there.drain()
                assert set(drain.sources.tolist()) == {port.address}
                came += [drain.datagram(index).tobytes() for index in range(len(drain.lengths))]
        assert came == [row.tobytes() for row in rows]
        assert port.bytes_out == rows.size


@pytest.mark.live
async def test_a_burst_waits_for_its_instant() -> None:
    rows = np.zeros((3, 152), np.uint8)
    with Port(HERE) as there, open_crowd_port(HERE, 0) as port:
        at = Clock.now() + 0.002
        assert port.send(Burst(rows, there.address, "access", at)) == 3
        assert Clock.now() >= at


@pytest.mark.patient
@pytest.mark.slow
async def test_a_crowd_talks_in_a_zone_of_processes(tmp_path: Path) -> None:
    async with parts_in(tmp_path) as parts:
        zone = await make_zone(parts, tmp_path / "zone", 2)
        await start_zone(parts, zone, tmp_path / "zone")
        file = str(tmp_path / "zone" / "zone.toml")
        words = [file, "--clients", "20", "--sockets", "2", "--calls", "0.5"]
        crowd = parts.start("crowd", *words, command=CROWD)
        in_zone = await crowd.until("in zone", within_s=ZONE_S)
        told = await crowd.until(
            "figures",
            within_s=15.0,
            since=in_zone["t"],
            where=lambda told: bool(told["heard"] > 20 * 50),
        )
    assert told["joined"] == told["in_zone"] == told["population"] == 20
    assert told["sockets"] == 2
    assert told["wrong"] == 0
    assert told["missed"] < 0.2 * told["expected"]
    assert len(told["delays_ms"]["peer"]) == len(told["delays_ms"]["loop"]) == 3
