"""Names, addresses, prefixes."""

import socket

import pytest

from pymix_voice.edge.places import bind, prefix_of, resolve, wildcard
from pymix_voice.errors import ConfigError


def test_an_address_resolves_to_itself() -> None:
    assert resolve("127.0.0.1", 7000, "mix1") == ("127.0.0.1", 7000)
    assert resolve("::1", 7000, "mix1") == ("::1", 7000)


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
    ],
)
def test_clients_of_one_network_share_a_prefix(
    source: tuple[str, int], prefix: tuple[int, bytes] | None
) -> None:
    assert prefix_of(source) == prefix


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
