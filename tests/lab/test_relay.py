"""The relay on real sockets: whose datagram goes where, how late, and who may answer."""

import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import trio
import trio.testing
from eventually import eventually
from numpy.typing import NDArray
from zones import example_zone

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.places import Place, place_from
from pymix_voice.edge.port import WIDTH
from pymix_voice.errors import ConfigError
from pymix_voice.lab.network import Law
from pymix_voice.lab.profiles import find
from pymix_voice.lab.relay.__main__ import laws, options, parts_of
from pymix_voice.lab.relay.control import Crossing
from pymix_voice.lab.relay.course import Kind
from pymix_voice.lab.relay.ends import Ends, Part
from pymix_voice.lab.relay.witness import Witness, read_seen
from pymix_voice.onion.dice import Dice

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform != "linux", reason="the relay needs Linux"),
]

ANY: Place = ("127.0.0.1", 0)
DELAY_S = 0.02
STILL = Law(DELAY_S, jitter=0.0)
LATE_S = 0.5
"""More than a busy computer keeps anything waiting."""


@asynccontextmanager
async def relaying(
    kinds: Mapping[str, Kind],
    *,
    access: Law = STILL,
    chain: Law = STILL,
    witness: Witness | None = None,
    spread_s: float = 0.0,
) -> AsyncIterator[tuple[Ends, dict[str, trio.socket.SocketType]]]:
    """The UDP side at work; the sockets of the parts behind it, by name."""
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(await bound()) for name in kinds}
        parts = [
            Part(name, kind, ANY, place_from(sockets[name].getsockname()))
            for name, kind in kinds.items()
        ]
        laws_of: dict[Kind, Law] = {"access": access, "chain": chain}
        ends = Ends(example_zone(), parts, laws_of, Dice.seeded(1), stack, witness, spread_s)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ends.run)
            await trio.testing.wait_all_tasks_blocked()
            yield ends, sockets
            nursery.cancel_scope.cancel()


async def test_a_witness_has_every_datagram_with_its_ends_and_size_lost_or_not(
    tmp_path: Path,
) -> None:
    witness, path = Witness(), tmp_path / "seen.npz"
    lossy = Law(DELAY_S, loss=1.0)
    async with relaying({"gateway1": "access"}, access=lossy, witness=witness) as (ends, _):
        with await bound() as alice, await bound() as bob:
            began = Clock.now()
            for client, size in ((alice, 152), (bob, 346), (alice, 152)):
                await client.sendto(bytes(size), ends.place("gateway1"))
            await eventually(lambda: ends.course.counts["access"].lost == 3)
            places = [f":{client.getsockname()[1]}" for client in (alice, bob)]
    witness.write(path)
    seen = read_seen(path)
    assert sorted(seen.ends) == sorted([*places, "gateway1"])
    told = zip(seen.sources.tolist(), seen.destinations.tolist(), seen.sizes.tolist(), strict=True)
    named = [(seen.ends[source], seen.ends[there], size) for source, there, size in told]
    assert sorted(named) == sorted(
        (place, "gateway1", size)
        for place, size in ((places[0], 152), (places[0], 152), (places[1], 346))
    )
    assert all(began - LATE_S < at < Clock.now() for at in seen.at.tolist())


async def test_people_can_be_differently_far_away_each_as_far_both_ways() -> None:
    async with relaying({"gateway1": "access"}, spread_s=0.04) as (ends, sockets):
        for _ in range(3):
            with await bound() as client:
                await client.sendto(b"hello", ends.place("gateway1"))
                await heard(sockets["gateway1"])
        (front,) = ends._fronts
        sources = front.sources.values()
        delays = [source.up.link.law.delay for source in sources]
        assert len(set(delays)) == 3
        assert all(DELAY_S <= delay < DELAY_S + 0.04 for delay in delays)
        assert delays == [source.down.link.law.delay for source in sources]


@pytest.mark.parametrize("raw", [b"", b"junk", b"PK\x03\x04 and no more"])
def test_what_no_relay_has_seen_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "seen.npz").write_bytes(raw)
    with pytest.raises(ConfigError, match="holds nothing that a relay has seen"):
        read_seen(tmp_path / "seen.npz")


async def bound() -> trio.socket.SocketType:
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    await sock.bind(ANY)
    return sock


async def heard(sock: trio.socket.SocketType) -> tuple[bytes, Place]:
    with trio.fail_after(5):
        return await sock.recvfrom(2000)


async def test_datagrams_go_to_the_part_and_its_answers_to_whoever_sent_them() -> None:
    async with relaying({"gateway1": "access"}) as (ends, sockets):
        known, gateway = ends.place("gateway1"), sockets["gateway1"]
        with await bound() as alice, await bound() as bob:
            behind = {}
            for who, client in ((b"alice", alice), (b"bob", bob)):
                began = Clock.now()
                await client.sendto(who, known)
                datagram, source = await heard(gateway)
                assert datagram == who
                assert DELAY_S <= Clock.now() - began < DELAY_S + LATE_S
                behind[who] = source
            assert behind[b"alice"] != behind[b"bob"]
            for who, client in ((b"bob", bob), (b"alice", alice)):
                await gateway.sendto(b"to " + who, behind[who])
                assert await heard(client) == (b"to " + who, known)
            assert ends.sources == 2
            assert ends.course.counts["access"].given == 4
            assert ends.tardiness.counts.sum() == 4
            assert ends.all_drops() == {}


async def test_between_two_mixes_each_sees_the_other_at_its_place_in_the_zone_file() -> None:
    async with relaying({"mix1": "chain", "mix2": "chain"}) as (ends, sockets):
        await sockets["mix1"].sendto(b"down", ends.place("mix2"))
        datagram, source = await heard(sockets["mix2"])
        assert datagram == b"down"
        await sockets["mix2"].sendto(b"up", source)
        assert await heard(sockets["mix1"]) == (b"up", ends.place("mix2"))
        assert ends.course.counts["chain"].given == 2
        assert ends.course.counts["access"].came == 0


async def test_bursts_of_datagrams_of_any_length_arrive_whole_and_in_order() -> None:
    sizes = [1, 1200, 1200, 1200, 168, 168, 1200, WIDTH - 1]
    async with relaying({"mix1": "chain"}) as (ends, sockets):
        with await bound() as source:
            for number, size in enumerate(sizes):
                await source.sendto(bytes([number]) * size, ends.place("mix1"))
            await source.sendto(b"", ends.place("mix1"))
            await source.sendto(bytes(WIDTH), ends.place("mix1"))
            for number, size in enumerate(sizes):
                datagram, _ = await heard(sockets["mix1"])
                assert datagram == bytes([number]) * size
            await eventually(lambda: ends.all_drops() == {"empty or too long": 2})


async def test_only_the_part_may_answer_and_what_the_law_loses_is_counted() -> None:
    half = replace(STILL, delay=0.0, loss=0.5)
    async with relaying({"gateway1": "access"}, access=half) as (ends, sockets):
        with await bound() as client, await bound() as stranger:
            for _ in range(200):
                await client.sendto(b"cell", ends.place("gateway1"))
            await eventually(lambda: ends.course.counts["access"].came == 200)
            counts = ends.course.counts["access"]
            assert 60 < counts.lost < 140
            assert counts.lost + counts.given == 200
            _, source = await heard(sockets["gateway1"])
            await stranger.sendto(b"not the gateway", source)
            await eventually(lambda: ends.all_drops() == {"from strangers": 1})


# ── control links ────────────────────────────────────────────────────────────────────────────


async def test_a_control_link_is_passed_on_late_and_whole_to_its_end() -> None:
    [listener] = await trio.open_tcp_listeners(0, host=ANY[0])
    said: list[bytes] = []

    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            async for chunk in stream:
                said.append(bytes(chunk))
                await stream.send_all(chunk.upper())

    crossing = Crossing(ANY, place_from(listener.socket.getsockname()), DELAY_S)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        nursery.start_soon(crossing.run)
        with trio.fail_after(5):
            stream = await trio.open_tcp_stream(*crossing.place)
            began = Clock.now()
            await stream.send_all(b"tick")
            assert await stream.receive_some() == b"TICK"
            assert 2 * DELAY_S <= Clock.now() - began < 2 * DELAY_S + LATE_S
            assert crossing.links == 1
            await stream.send_all(bytes(300_000))
            await stream.send_eof()
            rest = b"".join([chunk async for chunk in stream])
            assert len(rest) == 300_000
            await stream.aclose()
        await eventually(lambda: crossing.links == 0)
        assert crossing.bytes == 2 * (300_000 + 4)
        nursery.cancel_scope.cancel()
    assert b"".join(said) == b"tick" + bytes(300_000)


async def test_who_calls_a_mix_that_is_not_there_is_hung_up_on() -> None:
    [listener] = await trio.open_tcp_listeners(0, host=ANY[0])
    nobody = place_from(listener.socket.getsockname())
    await listener.aclose()
    crossing = Crossing(ANY, nobody, 0.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crossing.run)
        with trio.fail_after(5):
            stream = await trio.open_tcp_stream(*crossing.place)
            with suppress(trio.BrokenResourceError):  # as clear
                assert await stream.receive_some() == b""
            await stream.aclose()
        nursery.cancel_scope.cancel()


# ── the command line ─────────────────────────────────────────────────────────────────────────


def test_parts_are_named_with_their_places_and_laws_are_changed() -> None:
    found = example_zone()
    mixes = [replace(mix, host=ANY[0], port=5000 + hop) for hop, mix in enumerate(found.mixes)]
    gateways = [replace(gateway, host="::1") for gateway in found.gateways]
    zone = replace(found, mixes=tuple(mixes), gateways=tuple(gateways))
    words = ["zone.toml", "--part", "gateway-0=[::1]:7", "--part", "mix-2=127.0.0.1:8"]
    wanted = options([*words, "--profile", "wifi", "--chain", "loss=0.01", "--access", "burst=5"])
    assert parts_of(zone, wanted.part) == [
        Part("gateway-0", "access", ("::1", 6000), ("::1", 7)),
        Part("mix-2", "chain", ("127.0.0.1", 5002), ("127.0.0.1", 8)),
    ]
    found_laws = laws(find(wanted.profile), wanted)
    assert found_laws["chain"] == replace(find("wifi").chain, loss=0.01)
    assert found_laws["access"] == replace(find("wifi").access, burst=5.0)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("mix-9=127.0.0.1:8", "no part 'mix-9'; it has gateway-0, mix-0, mix-1, mix-2"),
        ("mix-1", "the place of mix-1 has no port, but "),
        ("mix-1=::1:8", "the place of mix-1 has a host that is no IP address"),
    ],
)
def test_a_part_that_is_none_or_nowhere_is_told(word: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parts_of(example_zone(), [word])


def test_a_relay_of_nothing_is_refused() -> None:
    with pytest.raises(SystemExit):
        options(["zone.toml", "--profile", "lan"])


@pytest.mark.parametrize(
    "held",
    [
        {"rows": np.zeros((3, 2), int)},
        {"rows": np.zeros((), int)},
        {"rows": np.full((3, 3), np.inf)},
        {"rows": np.full((3, 3), 1)},
        {"rows": np.full((3, 3), -1)},
        {"at": np.zeros(2)},
        {"at": np.array(["a"] * 3)},
        {"ends": np.array("a")},
    ],
)
def test_arrays_that_are_not_what_a_relay_writes_are_refused(
    tmp_path: Path, held: dict[str, NDArray[np.generic]]
) -> None:
    good: dict[str, Any] = {
        "at": np.zeros(3),
        "rows": np.zeros((3, 3), int),
        "ends": np.array(["mix1"]),
    }
    path = tmp_path / "seen.npz"
    np.savez(path, **good)
    assert read_seen(path).ends == ("mix1",)
    np.savez(path, **good | held)
    with pytest.raises(ConfigError, match="holds nothing that a relay has seen"):
        read_seen(path)


def test_one_array_alone_is_nothing_that_a_relay_has_seen(tmp_path: Path) -> None:
    with (tmp_path / "seen.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ConfigError, match="holds nothing that a relay has seen"):
        read_seen(tmp_path / "seen.npz")


@pytest.mark.parametrize(
    "header", [b"{", b"{'descr': '<i8', 'fortran_order': False, 'shape': (3L,)}"]
)
def test_an_array_whose_header_is_none_is_nothing_that_a_relay_has_seen(
    tmp_path: Path, header: bytes
) -> None:
    array = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    with ZipFile(tmp_path / "seen.npz", "w") as file:
        for name in ("at", "rows", "ends"):
            file.writestr(f"{name}.npy", array + bytes(24))
    with pytest.raises(ConfigError, match="holds nothing that a relay has seen"):
        read_seen(tmp_path / "seen.npz")
