"""A private Tor network: what its processes are told, and what is made of what they did."""

from pathlib import Path

import pytest

from pymix_voice.lab.peers import tor_settings as settings
from pymix_voice.lab.peers.local import free_ports
from pymix_voice.lab.peers.measured import PeerError
from pymix_voice.lab.peers.tor import PAYLOAD_BYTES, relayed
from pymix_voice.lab.peers.tor_settings import AUTHORITY, CLIENT, RELAYS, Node

LINE = settings.authority_line(Node(AUTHORITY, Path("/net/a"), 7001, 7002), "AB12", "CD34")
CONSENSUS = "".join(f"r {name} abc 127.0.0.1 1 0\ns Exit Fast Running\n" for name in RELAYS)


def told(name: str) -> list[str]:
    return settings.text(Node(name, Path("/net") / name, 8001, 8002), LINE).splitlines()


def test_everybody_is_told_of_the_same_authority() -> None:
    assert LINE == "authority orport=7001 no-v2 v3ident=AB12 127.0.0.1:7002 CD34"
    for name in (*RELAYS, CLIENT):
        assert f"DirAuthority {LINE}" in told(name)
        assert "TestingTorNetwork 1" in told(name)
        assert f"DataDirectory /net/{name}" in told(name)


def test_only_the_authority_votes_and_only_the_client_takes_streams() -> None:
    assert [name for name in RELAYS if "AuthoritativeDirectory 1" in told(name)] == [AUTHORITY]
    assert all("SocksPort 0" in told(name) for name in RELAYS)
    assert "SocksPort 127.0.0.1:8001" in told(CLIENT)
    assert not any(line.startswith("ORPort") for line in told(CLIENT))


def test_no_process_is_told_of_any_place_but_this_machine() -> None:
    for name in (*RELAYS, CLIENT):
        ports = [line for line in told(name) if "Port " in line and not line.endswith(" 0")]
        assert ports
        assert all(" 127.0.0.1:8" in line for line in ports)


def test_no_setting_stands_twice() -> None:
    for name in (*RELAYS, CLIENT):
        words = [line.split()[0] for line in told(name)]
        assert len(words) == len(set(words))


def test_fingerprints_are_found_in_what_tor_writes() -> None:
    certificate = "dir-key-certificate-version 3\nfingerprint 24313E84\ndir-key-published 2026\n"
    assert settings.identity_in(certificate) == "24313E84"
    groups = " ".join(f"{number:04X}" for number in range(10))
    assert settings.fingerprint_in(f"authority {groups}\n") == groups.replace(" ", "")


def test_a_list_counts_only_once_every_relay_is_there_and_an_exit() -> None:
    assert settings.all_listed(CONSENSUS)
    assert not settings.all_listed("")
    assert not settings.all_listed(CONSENSUS.replace("third", "fourth"))
    assert not settings.all_listed(CONSENSUS.replace("Exit ", "", 1))


def test_cells_are_counted_both_ways_and_by_hops() -> None:
    result = relayed(10.0, 2.0, back=500 * PAYLOAD_BYTES, cpu=[0.001, 0.002, 0.002, 0.001])
    assert result.cells == 1000
    assert result.cells_per_second == 500
    assert result.us_per_cell == pytest.approx(2.0)
    assert result.cells_per_cpu_second == pytest.approx(500_000)


def test_nothing_that_came_back_is_no_measurement() -> None:
    with pytest.raises(PeerError):
        relayed(10.0, 2.0, back=0, cpu=[0.1])


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(10))) == 10
