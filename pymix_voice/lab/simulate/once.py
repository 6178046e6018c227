"""Rules: one nonce seals one text, one header carries one datagram, one kind has one size.

From inside, every text that is sealed is noted by key and nonce. From outside, as anybody on a
link can: no two different datagrams have a header in common, and a link has one size for each
kind of datagram.

Source: the project's protocol page, sections "Cells", "Access link", "Mix links".

Must not know: what the texts are.
"""

from collections import defaultdict
from typing import NamedTuple

from pymix_voice.geometry import ACCESS_HEADER_BYTES
from pymix_voice.lab.simulate.observed import Rule
from pymix_voice.zone import access
from pymix_voice.zone.access import Kind

_ROUND = slice(0, 8)
_CHUNK = slice(10, 12)


class Nonces(Rule):
    """One (key, nonce) seals one text ever. The key is of one purpose and direction."""

    name = "nonces"

    def __init__(self) -> None:
        super().__init__()
        self._seen: defaultdict[bytes, dict[bytes, int]] = defaultdict(dict)

    def sealed(self, key: bytes, nonce: bytes, content: int) -> None:
        """Look whether there was another."""
        if self._seen[key].setdefault(nonce, content) != content:
            self.broken("two texts were sealed under one key and nonce")


class _Place(NamedTuple):
    """What a link's datagrams must not share."""

    source: str
    destination: str
    header: bytes


class Headers(Rule):
    """What an observer of all links can check."""

    name = "headers"

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[_Place, int] = {}
        self._sizes: dict[tuple[bool, int], int] = {}

    def sent(self, source: str, destination: str, datagram: bytes) -> None:
        """Compare with those before."""
        people = self.world.people
        # A mix has sent a round to whoever said one of its neighbour's newest again: it looks like
        # one to anybody. A gateway sends clients' datagrams wherever else.
        to_server = source not in people and self.world.is_server(destination)
        if source in self.world.mix_names or to_server:
            self._check_once(source, destination, datagram, datagram[_ROUND] + datagram[_CHUNK])
            size = self.world.zone.geometry.chunk_bytes
            self._check_size(source, destination, datagram, size)
            return
        session, kind, _ = access.HEADER.unpack(datagram[:ACCESS_HEADER_BYTES])
        if session != access.NO_SESSION:
            self._check_once(source, "", datagram, datagram[:ACCESS_HEADER_BYTES])
        self._check_size(source, destination, datagram, self._wanted(source in people, kind))

    def _wanted(self, up: bool, kind: int) -> int:
        sizes = self.world.zone.geometry
        if kind in (Kind.LINE, Kind.DOOR):
            return sizes.up_bytes if up else sizes.down_bytes
        others: dict[int, int] = {
            Kind.CHALLENGE: sizes.up_bytes,
            Kind.SETUP: sizes.setup_bytes,
            Kind.HELLO: access.HELLO_BYTES,
            Kind.WELCOME: access.WELCOME_BYTES,
            Kind.RETRY: access.RETRY_BYTES,
        }
        return others.get(kind, 0)

    def _check_once(self, source: str, destination: str, datagram: bytes, header: bytes) -> None:
        content = hash(datagram)
        if self._seen.setdefault(_Place(source, destination, header), content) != content:
            self.broken(f"two datagrams of {source} have one header")

    def _check_size(self, source: str, destination: str, datagram: bytes, wanted: int) -> None:
        if len(datagram) != wanted:
            self.broken(
                f"a datagram from {source} to {destination} has {len(datagram)} bytes, "
                f"but those of its kind have {wanted}"
            )
