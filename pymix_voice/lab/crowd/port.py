"""A crowd's port: what a group sends goes with one call, and the system cuts it into datagrams.

To the gateway they are what many clients would have sent, one by one: the cutting is done before
they are put into its queue. It only spares the crowd, which is not what is measured, half of what
sending costs. Where the system does not cut, they go as many at once as it takes.

Source: udp(7), UDP_SEGMENT.

Must not know: what datagrams mean, who they are for.
"""

import struct
import sys
from typing import Final

from pymix_voice.edge.gso import LONGEST
from pymix_voice.edge.mmsg import ManyPort
from pymix_voice.edge.places import Place, for_socket, place_of
from pymix_voice.edge.port import DRAIN_LIMIT, Port
from pymix_voice.edge.udp import open_port
from pymix_voice.zone.drain import Burst

SEGMENTS = 60
"""So many datagrams go with one call; the system takes 64."""
_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_CUT: Final = struct.Struct("=H")


class CrowdPort(ManyPort):
    """A port that sends all of a burst to one place.

    Attributes:
        cuts: whether the system cuts what is sent, for all that is known.
    """

    cuts = True

    def send(self, burst: Burst, start: int = 0, limit: int = DRAIN_LIMIT) -> int:
        """Send a burst from row `start` on, at most `limit` datagrams."""
        at_once = min(limit, SEGMENTS, LONGEST // max(1, burst.datagrams.shape[1]))
        rows = burst.datagrams[start : start + at_once]
        if not self.cuts or len(rows) < 2 or not isinstance(burst.to, bytes):
            return super().send(burst, start, limit)
        place = for_socket(place_of(burst.to))
        cut = (_SOL_UDP, _UDP_SEGMENT, _CUT.pack(rows.shape[1]))
        self.hold(burst.at)
        try:
            self.bytes_out += self._socket.sendmsg([rows.data], [cut], 0, place)
        except BlockingIOError as error:
            self._count_unsent(error.errno, len(rows))
        except OSError:
            self.cuts = False
            return super().send(burst, start, limit)
        return start + len(rows)


def open_crowd_port(place: Place, expected_bytes: int) -> Port:
    """The port that sends a crowd's bursts with the least effort on this system.

    Raises:
        ConfigError: if the port cannot be had.
    """
    if sys.platform != "linux":
        return open_port(place, expected_bytes)
    return CrowdPort(place, expected_bytes)
