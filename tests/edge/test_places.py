"""Names, addresses, prefixes."""

import ctypes
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.edge.places import (
    V4_BYTES,
    V6_BYTES,
    Place,
    address_of,
    bind,
    for_socket,
    place_from,
    place_of,
    prefix_of,
    resolve,
    wildcard,
)
from pymix_voice.errors import ConfigError
from pymix_voice.zone.drain import ADDRESS, NOWHERE

PORTS = st.integers(0, 65_535)
V4_PLACES = st.tuples(st.ip_addresses(v=4).map(str), PORTS)
V6_PLACES = st.tuples(st.ip_addresses(v=6).map(str), PORTS)
LINK_PLACES = st.tuples(
    st.builds("fe80::{:x}%{}".format, st.integers(1, 65_535), st.integers(1, 2**32 - 1)), PORTS
)


def meant(place: Place) -> tuple[IPv4Address | IPv6Address, int]:
    """IPv6 addresses can be written in several ways."""
    return ip_address(place[0]), place[1]


def test_an_address_resolves_to_itself() -> None:
    assert resolve("127.0.0.1", 7000, "mix1") == ("127.0.0.1", 7000)
    assert resolve("::1", 7000, "mix1") == ("::1", 7000)


@pytest.mark.parametrize("place", [("127.0.0.1", 0), ("::1", 0)])
@pytest.mark.skipif(sys.platform == "win32", reason="the system is asked by way of libc")
def test_an_address_is_what_the_system_writes(place: Place) -> None:
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(place)
        except OSError:
            pytest.skip("there is no IPv6 on this computer")
        written = ctypes.create_string_buffer(64)
        length = ctypes.c_uint32(64)
        libc = ctypes.CDLL(None)
        assert libc.getsockname(sock.fileno(), written, ctypes.byref(length)) == 0
        assert length.value == (V6_BYTES if family == socket.AF_INET6 else V4_BYTES)
        assert address_of(place_from(sock.getsockname())) == written.raw.rstrip(b"\0")


@given(st.one_of(V4_PLACES, V6_PLACES, LINK_PLACES))
def test_a_place_survives_being_written_as_the_system_does(place: Place) -> None:
    address = address_of(place)
    again = place_of(address)
    assert meant(again) == meant(place)
    assert address_of(again) == address
    assert bytes(np.array([address], ADDRESS)[0]) == address, "arrays of addresses keep it"
    assert place_of(address.ljust(V6_BYTES, b"\0")) == again


@given(st.one_of(V4_PLACES, V6_PLACES, LINK_PLACES))
def test_a_place_survives_the_socket_module(place: Place) -> None:
    host, port, *more = for_socket(place)
    found = (host, port, *more) if more or ":" not in host else (host, port, 0, 0)
    assert place_from(found) == place


@given(V4_PLACES, V4_PLACES | V6_PLACES)
def test_two_places_are_written_differently(one: Place, other: Place) -> None:
    assert (address_of(one) == address_of(other)) == (one == other)


@given(st.binary(max_size=V6_BYTES))
def test_any_bytes_are_a_place_or_none(address: bytes) -> None:
    host, port = place_of(address)
    assert not host or ip_address(host) is not None
    assert port in range(65_536)


def test_nowhere_is_no_place() -> None:
    assert place_of(NOWHERE) == ("", 0)


def test_an_interface_may_be_told_by_its_name() -> None:
    number, name = socket.if_nameindex()[0]
    assert address_of((f"fe80::1%{name}", 7)) == address_of((f"fe80::1%{number}", 7))
    assert for_socket((f"fe80::1%{name}", 7)) == ("fe80::1", 7, 0, number)


def test_a_host_without_address_is_told_by_the_name_of_its_entry() -> None:
    with pytest.raises(ConfigError, match="the host of 'mix1' in the zone file has no address"):
        resolve("no-such-host.invalid", 7000, "mix1")


@pytest.mark.parametrize(
    ("source", "prefix"),
    [
        (("192.0.2.7", 1), (4, bytes([192, 0, 2]))),
        (("192.0.2.9", 2), (4, bytes([192, 0, 2]))),
        (("::ffff:192.0.2.9", 2), (4, bytes([192, 0, 2]))),
        (("2001:db8:1:2ff::7", 1), (6, bytes.fromhex("20010db8000102"))),
        (("2001:db8:1:201::9", 1), (6, bytes.fromhex("20010db8000102"))),
        (("127.0.0.1", 5), None),
        (("::1", 5), None),
        (("::ffff:127.0.0.1", 5), None),
        (("fe80::1%3", 5), (6, bytes.fromhex("fe800000000000"))),
    ],
)
def test_clients_of_one_network_share_a_prefix(
    source: tuple[str, int], prefix: tuple[int, bytes] | None
) -> None:
    assert prefix_of(address_of(source)) == prefix


def test_loopback_is_not_opened_to_the_world() -> None:
    assert wildcard("127.0.0.1") == "127.0.0.1"
    assert wildcard("192.0.2.1") == "0.0.0.0"
    assert wildcard("2001:db8::1") == "::"


def test_an_address_of_another_machine_is_served_on_all_of_ours() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        bind(sock, ("192.0.2.1", 0), "UDP")
        assert sock.getsockname()[0] == "0.0.0.0"


def test_a_port_in_use_is_told_in_one_sentence() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
    ):
        bind(first, ("127.0.0.1", 0), "UDP")
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"UDP port {port} is in use on this computer"):
            bind(second, ("127.0.0.1", port), "UDP")
