"""Slow control: TCP connections to a mix that say nothing, a byte a second, or junk.

Each comes again as soon as it is closed, so there are always so many.

Must not know: what the mix does about it.
"""

from collections import Counter

import trio

from pymix_voice.edge.places import Place
from pymix_voice.onion.dice import Dice

SILENT, DRIPPING, JUNK = "silent", "a byte a second", "junk"
KINDS = (SILENT, DRIPPING, JUNK)
EACH = 60
"""Connections of each kind at a time."""
PAUSE_S = 0.05
"""From being closed until coming again."""
JUNK_BYTES = 4_000


class Strangers:
    """Many that call a mix.

    Args:
        place: its control port.
        dice: for junk.

    Attributes:
        opened: connections so far, by kind.
    """

    def __init__(self, place: Place, dice: Dice) -> None:
        self._place = place
        self._dice = dice
        self.opened: Counter[str] = Counter()

    async def call(self, seconds: float) -> None:
        """Be there for so long."""
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for kind in KINDS:
                    for _ in range(EACH):
                        nursery.start_soon(self._keep_calling, kind)

    async def _keep_calling(self, kind: str) -> None:
        while True:
            try:
                stream = await trio.open_tcp_stream(*self._place)
                self.opened[kind] += 1
                async with stream:
                    await self._speak(stream, kind)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            await trio.sleep(PAUSE_S)

    async def _speak(self, stream: trio.SocketStream, kind: str) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_closed, stream, nursery.cancel_scope)
            if kind == JUNK:
                await stream.send_all(self._dice.bytes(JUNK_BYTES))
            while kind == DRIPPING:
                await stream.send_all(b"\0")
                await trio.sleep(1.0)


async def _until_closed(stream: trio.SocketStream, scope: trio.CancelScope) -> None:
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError:
        pass
    scope.cancel()
