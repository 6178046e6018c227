"""Control records: what neighbours of the chain (gateways included) tell each other over TCP.

Each record is one msgpack array that begins with its tag; unknown tags, missing, extra,
mistyped or out-of-range fields are refused. Source: the project's protocol page, sections
"Mix links" and "An epoch's timetable".

Must not know: TCP, ciphers, which neighbour a record is from, when it may come.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Final

import msgspec

from pymix_voice.errors import BadCell, Drop
from pymix_voice.geometry import KEY_BYTES, MAX_MIXES, MAX_ROWS, SIGNATURE_BYTES

MAX_SETUPS_BYTES = 48 * 1024
"""The most onions in one record: it must fit a frame of 64 KiB."""
MAX_LIST_BYTES = 1024
"""More than the longest descriptor."""
MAX_DUE_MS = 60_000.0

Number = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""An epoch or a round."""
MixIndex = Annotated[int, msgspec.Meta(ge=0, lt=MAX_MIXES)]
Rows = Annotated[int, msgspec.Meta(ge=0, le=MAX_ROWS)]
Key = Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
SignatureBytes = Annotated[
    bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)
]
ListBytes = Annotated[bytes, msgspec.Meta(max_length=MAX_LIST_BYTES)]
Onions = Annotated[bytes, msgspec.Meta(max_length=MAX_SETUPS_BYTES)]


class _Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of all records; its repr is the bare name, as fields hold keys and onions."""

    def __repr__(self) -> str:
        return type(self).__name__


class Hello(_Record, frozen=True, tag=1):
    """First record both ways: the round it would be now by what this side has processed.

    Attributes:
        now_round: 0 if neither this side nor any below it has processed one.
        whole: whether the chain is linked from here down to the last mix.
    """

    now_round: Number
    whole: bool


class OnionKey(_Record, frozen=True, tag=2):
    """A mix's onion key for an epoch; goes up the chain to the first mix."""

    epoch: Number
    mix: MixIndex
    key: Key


class List(_Record, frozen=True, tag=3):
    """The body of an epoch's descriptor, for all mixes to sign; goes down the chain."""

    epoch: Number
    body: ListBytes


class Signature(_Record, frozen=True, tag=4):
    """A mix's signature of the list; goes up the chain."""

    epoch: Number
    mix: MixIndex
    signature: SignatureBytes


class Published(_Record, frozen=True, tag=5):
    """An epoch's descriptor with all signatures; goes from the first mix to its gateways."""

    epoch: Number
    descriptor: ListBytes


class Setups(_Record, frozen=True, tag=6):
    """Set-up onions as they come, concatenated; the order of arrival is the order of rows.

    A record may come again after the connection broke; `first` tells what is new in it.

    Attributes:
        first: how many onions of each class went before these.
        lines: whole onions of lines.
        doors: whole onions of doors; with `lines` at most 48 KiB.
    """

    epoch: Number
    first: Rows
    lines: Onions
    doors: Onions

    def __post_init__(self) -> None:
        """Refuse a record that would not fit its frame (ValueError, as msgspec wants it)."""
        if len(self.lines) + len(self.doors) > MAX_SETUPS_BYTES:
            raise ValueError("more onions than one record may hold")


class BatchEnd(_Record, frozen=True, tag=7):
    """No more onions: so many of each class were passed."""

    epoch: Number
    lines: Rows
    doors: Rows


class Accepted(_Record, frozen=True, tag=8):
    """First mix to a gateway: its batch is taken.

    Attributes:
        rows: lines of this gateway; there are as many doors.
        population: lines in the whole zone.
    """

    epoch: Number
    rows: Rows
    population: Rows


class Ready(_Record, frozen=True, tag=9):
    """The epoch's circuits are made here and everywhere further down; goes up."""

    epoch: Number


class Decision(_Record, frozen=True, tag=10):
    """The first mix decided about an epoch; goes down the chain and to gateways.

    Attributes:
        switch: whether the epoch runs on its own circuits, or on those before (extended).
    """

    epoch: Number
    switch: bool


class Tick(_Record, frozen=True, tag=11):
    """First mix to a gateway: this round ticks in so many milliseconds.

    Attributes:
        due_ms: from the sending of this record; negative if the tick is over.
    """

    round: Number
    due_ms: float

    def __post_init__(self) -> None:
        """Refuse what cannot be added to a clock (ValueError, as msgspec wants it)."""
        # Not a Meta bound: a NaN would pass any comparison.
        if not (isfinite(self.due_ms) and abs(self.due_ms) <= MAX_DUE_MS):
            raise ValueError("a tick so far away says nothing")


Record = (
    Hello
    | OnionKey
    | List
    | Signature
    | Published
    | Setups
    | BatchEnd
    | Accepted
    | Ready
    | Decision
    | Tick
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[Record]] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """The bytes of a record, as `parse_record` takes them."""
    return _ENCODER.encode(record)


def parse_record(raw: bytes) -> Record:
    """Read one record.

    Raises:
        BadCell: MALFORMED, for whatever is wrong with it.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadCell(Drop.MALFORMED) from None


def joined(records: Sequence[Record], onion_bytes: int) -> list[Record]:
    """The same records, with set-ups that follow one another in one, as far as one can hold them.

    Args:
        records: in the order in which they are to be said.
        onion_bytes: length of an onion on this link.
    """
    out: list[Record] = []
    for record in records:
        last = out[-1] if out else None
        if isinstance(last, Setups) and isinstance(record, Setups):
            follows = last.first + len(last.lines) // onion_bytes == record.first
            sizes = (len(each.lines) + len(each.doors) for each in (last, record))
            same = last.epoch == record.epoch and len(last.lines) == len(last.doors)
            if follows and same and sum(sizes) <= MAX_SETUPS_BYTES:
                lines, doors = last.lines + record.lines, last.doors + record.doors
                out[-1] = Setups(record.epoch, last.first, lines, doors)
                continue
        out.append(record)
    return out
