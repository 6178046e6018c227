"""A mix or gateway at work: its datapath, its control links, its word to the operator.

Everything runs on one thread, but the writing of the signed epoch: a thread beside a round
would triple its time.

Source: the project's design page, section "Shape of the code".

Must not know: whether it serves a mix or a gateway, what rounds carry.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from pymix_voice.edge.clock import Clock
from pymix_voice.edge.control import Desk
from pymix_voice.edge.datapath import Datapath, Inlet, Machine
from pymix_voice.edge.records import Outbox
from pymix_voice.edge.report import Report
from pymix_voice.edge.running import wait_for_signal
from pymix_voice.mix.neighbours import Said
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.zone.drain import Via
from pymix_voice.zone.records import Record

GATHER_S = 0.004
"""A gateway takes its clients' datagrams a few times a round: each is stamped when it comes."""


class Served(Machine, Protocol):
    """A machine with control links."""

    notes: list[str]

    def figures(self) -> dict[str, int | float]:
        """Counts for an operator."""


@dataclass
class Post:
    """What differs between mixes and gateways, for control links.

    Attributes:
        up, down, take: the machine's `link_up`, `link_down` and `receive_control`.
        said: what the machine wants said.
    """

    up: Callable[[int, LinkKeys, float], None]
    down: Callable[[int, float], None]
    take: Callable[[int, Record, float], None]
    said: Callable[[], Said]


class Service:
    """One mix or gateway at work.

    Args:
        machine: it.
        post: its control side.
        inlets: its ports.
        work: its slices of work.
        keep: writes a signed epoch to disk.
        report: for the operator.
        interrupts: whether what is due is a tick, for which bursts are interrupted.
    """

    def __init__(
        self,
        machine: Served,
        post: Post,
        inlets: Mapping[Via, Inlet],
        work: Callable[[], bool],
        keep: Callable[[int], None],
        report: Report,
        *,
        interrupts: bool = True,
    ) -> None:
        self._machine = machine
        self._post = post
        self._report = report
        self._ports = {via: inlet.port for via, inlet in inlets.items()}
        self.desk = Desk(self, report.note)
        self._outbox = Outbox(self.desk.send, keep)
        gather_s = GATHER_S if "access" in inlets else 0.0
        self._datapath = Datapath(
            machine,
            inlets,
            work=work,
            after=self._after,
            gather_s=gather_s,
            interrupts=interrupts,
            tidies=True,
        )

    # ── what the desk calls ──────────────────────────────────────────────────────────────

    def link_up(self, peer: int, keys: LinkKeys) -> None:
        """See `Side`."""
        self._post.up(peer, keys, Clock.now())
        self._datapath.wake()

    def link_down(self, peer: int) -> None:
        """See `Side`."""
        self._post.down(peer, Clock.now())
        self._datapath.wake()

    def receive_control(self, peer: int, record: Record) -> None:
        """See `Side`."""
        self._post.take(peer, record, Clock.now())
        self._datapath.wake()

    # ── running ──────────────────────────────────────────────────────────────────────────

    def _after(self) -> None:
        self._outbox.put(self._post.said())
        notes = self._machine.notes
        if notes:
            for text in notes:
                self._report.note(text)
            notes.clear()

    async def run(self, nursery: trio.Nursery, epoch_s: float) -> None:
        """Serve until a signal says to end.

        Args:
            nursery: for its tasks.
            epoch_s: figures are told so often, if the report does not want them otherwise.
        """
        nursery.start_soon(self._outbox.run)
        nursery.start_soon(self._datapath.run)
        nursery.start_soon(self._tell_figures, self._report.every_s or epoch_s)
        # What stands now stays: to look through all of it would take a whole tick. What comes
        # is looked through by the datapath, when it has time.
        gc.collect()
        gc.freeze()
        gc.disable()
        await wait_for_signal()
        self._report.note("ending")
        self._report.figures(self.figures())
        nursery.cancel_scope.cancel()

    async def _tell_figures(self, every_s: float) -> None:
        while True:
            await trio.sleep(every_s)
            self._report.figures(self.figures())

    def figures(self) -> dict[str, int | float | list[int]]:
        """The machine's counts and the edge's."""
        figures: dict[str, int | float | list[int]] = {**self._machine.figures()}
        for via, port in self._ports.items():
            figures[f"{via}_overflowed"] = port.overflowed
            figures[f"{via}_misfits"] = port.misfits
            figures[f"{via}_unsent"] = sum(port.unsent.values())
            figures[f"{via}_bytes_in"] = port.bytes_in
            figures[f"{via}_bytes_out"] = port.bytes_out
        figures["links_refused"] = self.desk.refused
        figures |= self._datapath.late.figures() | self._datapath.done.figures()
        figures["cpu_s"] = round(time.process_time(), 3)
        return figures
