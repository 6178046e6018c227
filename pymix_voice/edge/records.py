"""Records on their way out: in order, and never before what they rest on is safe on disk.

A mix that signed a list must know so after a crash, or it might sign another one for the same
epoch. So the signed epoch is on disk before the signature leaves.

Source: the project's protocol page, section "Epoch descriptor".

Must not know: what records mean, sockets.
"""

from collections import deque
from collections.abc import Callable

import trio

from pymix_voice.errors import ConfigError
from pymix_voice.mix.neighbours import Said
from pymix_voice.zone.records import Record

MOST_WAITING = 4096


class Outbox:
    """Takes what a machine says; gives it to the desk when it may go.

    Args:
        send: the desk's.
        keep: writes a signed epoch to disk; raises ConfigError if that fails. Run in a thread.
    """

    def __init__(self, send: Callable[[int, Record], None], keep: Callable[[int], None]) -> None:
        self._send = send
        self._keep = keep
        self._waiting: deque[Said] = deque()
        self._filled = trio.Event()

    def put(self, said: Said) -> None:
        """Take what was said.

        Raises:
            ConfigError: if the disk has not answered for very long.
        """
        if said.to_keep is None and not self._waiting:
            self._say(said)
        elif said.to_keep is not None or said.records:
            self._waiting.append(said)
            self._filled.set()
        if len(self._waiting) > MOST_WAITING:
            raise ConfigError("the disk with the key file does not answer; check it, then restart")

    def _say(self, said: Said) -> None:
        for peer, record in said.records:
            self._send(peer, record)

    async def run(self) -> None:
        """Let things go, for ever.

        Raises:
            ConfigError: if a signed epoch cannot be kept; nothing may be signed any more then.
        """
        while True:
            await self._filled.wait()
            self._filled = trio.Event()
            while self._waiting:
                said = self._waiting[0]
                if said.to_keep is not None:
                    await trio.to_thread.run_sync(self._keep, said.to_keep)
                self._say(said)
                # Taken off only now: what comes meanwhile must wait behind it.
                self._waiting.popleft()
