"""What one run of a peer told: CPU time by cells, whatever moved them.

A cell is one row in one direction of one round: a line's round has two at every hop.

Must not know: which peers there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec
import trio

from pymix_voice.errors import PymixError

GRACE_S = 60.0
"""From the end of the time asked for until a run is given up."""


class PeerError(PymixError):
    """A peer that is there could not be measured."""


@dataclass(frozen=True)
class Measured:
    """What a worker did and spent, and the steps in which, in ns a cell.

    Attributes:
        mode: "mix" (both directions of a middle mix) or "gateway".
        cipher: of its links.
        rows: cells in one round and direction.
        rounds: how many were measured.
        cpu_s: CPU seconds that the worker spent on them.
        ns_per_cell: the same by cells.
        cells_per_second: cells in a second of CPU time.
        verified: how many cells were looked at where they came out, and found right.
        steps: ns a cell, by name; empty if the steps were not told apart.
    """

    mode: str
    cipher: str
    rows: int
    rounds: int
    cpu_s: float
    ns_per_cell: float
    cells_per_second: float
    verified: int
    steps: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, mode: str, cipher: str, rows: int, cells: int, cpu_s: float, verified: int) -> Self:
        """Derive the rates.

        Raises:
            PeerError: if nothing was measured.
        """
        if cells <= 0 or cpu_s <= 0:
            raise PeerError("not one cell came through in the time of the measurement")
        each = cpu_s / cells
        return cls(mode, cipher, rows, cells // (2 * rows), cpu_s, each * 1e9, 1 / each, verified)


def read_measured(told: bytes) -> Measured:
    """What a peer's program printed.

    Raises:
        PeerError: if it is something else.
    """
    try:
        return msgspec.json.decode(told, type=Measured)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PeerError(f"a peer told what cannot be read: {error}") from error


async def measured_by(command: Sequence[str], seconds: float) -> Measured:
    """Run a command that prints what it measured.

    Args:
        command: program and arguments; ours.
        seconds: how long it was asked to measure.

    Raises:
        PeerError: if it fails, or does not end in time.
    """
    with trio.move_on_after(seconds + GRACE_S):
        done = await trio.run_process(
            command, capture_stdout=True, capture_stderr=True, check=False
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise PeerError(f"a peer ended with {done.returncode}: {words[-1]}")
        return read_measured(done.stdout)
    raise PeerError(f"a peer did not end within {seconds + GRACE_S:.0f} s")
