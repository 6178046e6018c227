"""Plugs: sound devices that come and go while a client is online.

They are opened once, before the client comes online, and stay open, so that a call changes nothing.
One that stops asking for sound is taken away: the call goes on, silent on that side, and every two
seconds it is looked for again. PortAudio lists devices only once, so to look again everything is
closed and PortAudio restarted. All that blocks is done in a thread.

Must not know: calls, codecs, the network.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import trio

from pymix_voice.edge import devices
from pymix_voice.edge.cards import STILL_S, Card, Loudspeaker, Microphone, Stream
from pymix_voice.edge.clock import Clock
from pymix_voice.edge.devices import Side, choose
from pymix_voice.edge.ears import LiveEar
from pymix_voice.edge.mouths import LiveMouth
from pymix_voice.errors import SoundError

LOOK_EVERY_S = 0.5
TRY_EVERY_S = 2.0
CLOSE_S = 5.0
"""Some sound systems never come back from closing a device that is gone; they are left behind."""


class Wanted(NamedTuple):
    """Which devices a person wants: numbers or parts of names; None for the default ones."""

    microphone: str | None = None
    loudspeaker: str | None = None


class Plugs:
    """A live mouth and a live ear, and the devices that they use.

    Args:
        mouth: None if something else speaks.
        ear: None if something else hears.
        wanted: which devices.
    """

    def __init__(self, mouth: LiveMouth | None, ear: LiveEar | None, wanted: Wanted) -> None:
        self._mouth = mouth
        self._ear = ear
        self._wanted = wanted
        self._microphone: Microphone | None = None
        self._loudspeaker: Loudspeaker | None = None
        self._one_at_a_time = trio.CapacityLimiter(1)

    # ── opening and closing; each may block ──────────────────────────────────────────────

    def open(self) -> None:
        """Open what is wanted, all of it.

        Raises:
            SoundError: if one of them cannot be had; none is open then.
        """
        if self._mouth is None and self._ear is None:
            return  # whoever has files needs no PortAudio
        found = devices.devices()
        try:
            if self._mouth is not None:
                self._microphone = Microphone(choose(found, Side.INPUT, self._wanted.microphone))
                self._microphone.start()
            if self._ear is not None:
                device = choose(found, Side.OUTPUT, self._wanted.loudspeaker)
                self._loudspeaker = Loudspeaker(device)
                self._loudspeaker.start()
        except SoundError:
            self.close()
            raise

    def close(self) -> None:
        """Close what is open."""
        for card in self._cards():
            card.close()
        self._microphone = self._loudspeaker = None

    def _cards(self) -> list[Card]:
        return [card for card in (self._microphone, self._loudspeaker) if card is not None]

    # ── beside the client ────────────────────────────────────────────────────────────────

    def plug(self) -> None:
        """Let mouth and ear use what is open."""
        if self._mouth is not None:
            self._mouth.plug(self._microphone)
        if self._ear is not None:
            self._ear.plug(self._loudspeaker)

    @property
    def names(self) -> tuple[str | None, str | None]:
        """What the microphone and the loudspeaker are called; None without one."""
        return (
            self._microphone.device.name if self._microphone else None,
            self._loudspeaker.device.name if self._loudspeaker else None,
        )

    async def watch(self, note: Callable[[str], None]) -> None:
        """Take devices away that are gone, and take them back when they return.

        Args:
            note: takes a sentence for the person.
        """
        while True:
            await trio.sleep(LOOK_EVERY_S)
            gone = [card for card in self._cards() if card.gone(Clock.now())]
            if gone:
                things = " and the ".join(card.side.thing for card in gone)
                note(f"the {things} stopped; this goes on without sound until it is back")
                await self._replace()
                note("sound is back")

    async def leave(self) -> None:
        """Give all devices back; those that cannot be are left as they are."""
        with trio.move_on_after(CLOSE_S):
            # A program that ends in the middle of what PortAudio does would be ended by it.
            async with self._one_at_a_time:
                pass
        if any(card.device.dies_hard for card in self._cards()):
            await trio.sleep(STILL_S)  # after that it shows whether its sound system is there
        left = await self._give_back()
        if left:
            devices.leave_behind(left)

    async def _replace(self) -> None:
        left = await self._give_back()
        look = partial(devices.abandon, left) if left else devices.restart
        while True:
            try:
                await self._in_thread(look)
                await self._in_thread(self.open)
            except SoundError:
                await trio.sleep(TRY_EVERY_S)
                look = devices.restart
            else:
                self.plug()
                return

    async def _give_back(self) -> list[Stream]:
        """Close all devices; the streams of those that cannot be."""
        cards, now = self._cards(), Clock.now()
        self._microphone = self._loudspeaker = None
        self.plug()
        # Those of one sound system end together, whichever was asked for sound last.
        dead = any(card.lost(now) for card in cards)
        left = []
        for card in cards:
            if dead and card.device.dies_hard:
                left.append(card.stream)
                continue
            with trio.move_on_after(CLOSE_S) as scope:
                await self._in_thread(card.close)
            if scope.cancelled_caught:
                left.append(card.stream)
                self._one_at_a_time = trio.CapacityLimiter(1)  # that one never ends
        return left

    async def _in_thread(self, what: Callable[[], None]) -> None:
        """Do what may block; when cancelled it goes on, and the next has to wait for it."""
        await trio.to_thread.run_sync(what, abandon_on_cancel=True, limiter=self._one_at_a_time)
