"""Every size, rate and timetable of a zone, derived once.

A zone file names a few numbers (how many mixes, how many clients, how long a round); all
others follow from them here. The timetable of an epoch is laid out backward from its end, so
that a client names its next drop as late as the chain allows:

    0 .. keys .. pieces .. set-up .. cut-off .. mix after mix .. ready, decide .. switch

Sources: the project's protocol page, sections "Cells" and "The timetable of an epoch".

Must not know: bytes, keys, sockets, what time it is.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

from pymix_voice.errors import ConfigError

TAG_BYTES = 16
"""Poly1305."""
KEY_BYTES = 32
DROP_BYTES = 16
HASH_BYTES = 32
SIGNATURE_BYTES = 64

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
"""20 ms of mono speech."""
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
FRAME_MS = 1000 * FRAME_SAMPLES // SAMPLE_RATE

ROUNDS_MS = (FRAME_MS, 2 * FRAME_MS, 3 * FRAME_MS)
"""How long a round can be: it takes one, two or three frames of voice."""
FIRST_BODY_BYTES = 111
"""What a cell carries from peer to peer, if a round takes one frame."""
FURTHER_BODY_BYTES = 68
"""So much more for each further frame: with three of them, and the doors' cells, what a client
sends and gets stays below 50 kbit/s each way, IPv4 and UDP with it."""

STATUS_BYTES = 24
"""The gateway's word to a client, beside the cell in each datagram down."""
PIECE_BYTES = 16
"""The part of the status that carries the epoch descriptor piece by piece."""
ACCESS_HEADER_BYTES = 8

CHUNK_HEADER_BYTES = 16
CHUNK_TAG_BYTES = 32
"""Room for the longer of the two ciphers' tags, so that both have one size on the wire."""
MOST_CHUNK_BYTES = 1200
"""No datagram between mixes is longer: below every usual MTU."""

DOOR_EVERY = 10
"""Every tenth round takes the doors along."""
BLOCK_ROUNDS = 20
"""Keystream is made for so many rounds (doors: door rounds) in one call."""
EPOCH_UNIT = DOOR_EVERY * BLOCK_ROUNDS
"""An epoch is a whole number of door keystream blocks, and at least one."""
MAX_EXTENSIONS = 3
"""How often an epoch's circuits may run on through the next epoch."""

SPREAD_ROUNDS = 16
"""Set-ups are spread over so many rounds, by session number."""
RESEND_ROUNDS = 5
"""An unacknowledged set-up goes out again after so many rounds."""
MAX_MIXES = 8
MAX_ROWS = 40_000
MAX_WORKERS = 16
"""A gateway can be so many processes; the first mix knows each as a neighbour of its own."""


def body_bytes_of(frames: int) -> int:
    """The body of a cell that takes so many frames."""
    return FIRST_BODY_BYTES + (frames - 1) * FURTHER_BODY_BYTES


def is_door_round(number: int) -> bool:
    """Whether the doors' rows go along in this round."""
    return number % DOOR_EVERY == 0


@dataclass(frozen=True)
class Geometry:
    """The sizes and times of one zone.

    Args:
        mixes: length of the chain, 1 to 8.
        clients: the most clients that can have rows in one epoch (each has two: line and door).
        round_ms: length of a round in milliseconds: 20, 40 or 60.
        patience_ms: how long a mix waits for the rest of a round after its first datagram.
        phantom_lines: the most lines of its own that each mix but the last adds to a batch.
        phantom_doors: the same of doors.

    Raises:
        ConfigError: if a zone of these sizes cannot work.
    """

    mixes: int
    clients: int
    round_ms: int = 20
    patience_ms: float = 10.0
    phantom_lines: int = 0
    phantom_doors: int = 0

    def __post_init__(self) -> None:
        """Refuse a zone that does not fit."""
        if not 1 <= self.mixes <= MAX_MIXES:
            raise ConfigError(
                f"the chain has {self.mixes} mixes, but 1 to {MAX_MIXES} are possible"
            )
        if not 1 <= self.clients <= MAX_ROWS // 2:
            raise ConfigError(
                f"the zone is for {self.clients} clients, but 1 to {MAX_ROWS // 2} are possible"
            )
        if self.round_ms not in ROUNDS_MS:
            raise ConfigError(
                f"a round of {self.round_ms} ms is not possible; "
                f"write round_ms = {', '.join(map(str, ROUNDS_MS[:-1]))} or {ROUNDS_MS[-1]}"
            )
        if not 1.0 <= self.patience_ms <= 40.0:
            raise ConfigError(
                f"patience_ms is {self.patience_ms:g}, but 1 to 40 milliseconds are possible"
            )
        if self.most_rows > MAX_ROWS:
            raise ConfigError(
                f"with all phantoms the last mix could get {self.most_rows} rows, but at most "
                f"{MAX_ROWS} are possible; lower the means of phantoms, or clients"
            )

    @property
    def rows(self) -> int:
        """The most circuits (lines and doors together) that clients have in one batch."""
        return 2 * self.clients

    def lines_at(self, hop: int) -> int:
        """The most lines that reach mix number `hop` (from 0): clients' and earlier mixes'."""
        return self.clients + hop * self.phantom_lines

    def doors_at(self, hop: int) -> int:
        """The same of doors."""
        return self.clients + hop * self.phantom_doors

    def rows_at(self, hop: int) -> int:
        """The most rows between mix number `hop` and the one before it, or the gateways."""
        return self.lines_at(hop) + self.doors_at(hop)

    @property
    def most_rows(self) -> int:
        """The most rows anywhere: those that reach the last mix."""
        return self.rows_at(self.mixes - 1)

    @property
    def round_s(self) -> float:
        """Length of a round in seconds."""
        return self.round_ms / 1000

    def rounds_in(self, seconds: float) -> int:
        """How many rounds come to so long a time."""
        return round(seconds / self.round_s)

    @property
    def patience_s(self) -> float:
        """How long a mix waits for the rest of a round, in seconds."""
        return self.patience_ms / 1000

    # ── what a round carries ─────────────────────────────────────────────────────────────

    @property
    def frames(self) -> int:
        """Frames of voice in a round."""
        return self.round_ms // FRAME_MS

    @cached_property
    def body_bytes(self) -> int:
        """What a cell carries from peer to peer: a round's voice, or a word of control."""
        return body_bytes_of(self.frames)

    @cached_property
    def cell_bytes(self) -> int:
        """Kind 1, body, tag: one size for everything."""
        return 1 + self.body_bytes + TAG_BYTES

    @cached_property
    def up_bytes(self) -> int:
        """A client's datagram: header, cell, tag."""
        return ACCESS_HEADER_BYTES + self.cell_bytes + TAG_BYTES

    @cached_property
    def down_bytes(self) -> int:
        """A datagram to a client: header, cell, status, tag."""
        return ACCESS_HEADER_BYTES + self.cell_bytes + STATUS_BYTES + TAG_BYTES

    @cached_property
    def chunk_cells(self) -> int:
        """As many cells as a datagram between mixes has room for."""
        return (MOST_CHUNK_BYTES - CHUNK_HEADER_BYTES - CHUNK_TAG_BYTES) // self.cell_bytes

    @cached_property
    def chunk_body_bytes(self) -> int:
        """The cells of such a datagram."""
        return self.chunk_cells * self.cell_bytes

    @cached_property
    def chunk_bytes(self) -> int:
        """A datagram between mixes: header, cells, tag."""
        return CHUNK_HEADER_BYTES + self.chunk_body_bytes + CHUNK_TAG_BYTES

    def chunks(self, rows: int) -> int:
        """How many of them carry a matrix of so many rows; no rows are one empty datagram."""
        return max(1, -(-rows // self.chunk_cells))

    @property
    def onion_bytes(self) -> int:
        """A set-up onion as the first mix gets it."""
        return self.onion_bytes_at(0)

    def onion_bytes_at(self, hop: int) -> int:
        """A set-up onion as mix number `hop` (from 0) gets it: 48 a layer, and drop and flag."""
        return (KEY_BYTES + TAG_BYTES) * (self.mixes - hop) + DROP_BYTES + 1

    @property
    def setup_bytes(self) -> int:
        """A set-up datagram: header, the line's onion, the door's onion, tag."""
        return ACCESS_HEADER_BYTES + 2 * self.onion_bytes + TAG_BYTES

    @property
    def descriptor_bytes(self) -> int:
        """An epoch descriptor: label 16, zone hash 32, epoch 8, first round 8, keys, signatures."""
        return 16 + HASH_BYTES + 8 + 8 + self.mixes * (KEY_BYTES + SIGNATURE_BYTES)

    @property
    def pieces(self) -> int:
        """How many statuses carry one descriptor."""
        return -(-self.descriptor_bytes // PIECE_BYTES)

    # ── the timetable: rounds within an epoch ────────────────────────────────────────────

    @cached_property
    def epoch_rounds(self) -> int:
        """Rounds in an epoch: the shortest whole number of units that everything fits in."""
        tail = (self.switch_notice + 3 + 2 + self.open_rounds * self.mixes) + SPREAD_ROUNDS + 14
        need = tail + self.keys_until + max(ceil(2.5 * self.pieces), self.make_rounds)
        return EPOCH_UNIT * ceil(need / EPOCH_UNIT)

    @property
    def epoch_s(self) -> float:
        """Length of an epoch in seconds."""
        return self.epoch_rounds * self.round_s

    @property
    def keys_until(self) -> int:
        """By now the next epoch's descriptor is signed; before last's circuits are wiped."""
        return 30

    @property
    def late_keys_until(self) -> int:
        """After a start the descriptor may still come until here."""
        return 60

    @property
    def make_rounds(self) -> int:
        """Before onions come each mix makes its phantoms': half a core, at 150 µs a layer."""
        layers = (self.phantom_lines + self.phantom_doors) * (self.mixes - 1)
        return ceil(layers / 66 * 20 / self.round_ms)

    @property
    def open_rounds(self) -> int:
        """What each mix gets for a batch: half a core, at 100 µs an onion; in large zones less.

        There rounds take more of the core: at 60 µs an onion a fifth of it does for 16,000 rows.
        """
        units = 20 / self.round_ms
        rows = self.most_rows
        return max(10, ceil(rows / 100 * units), ceil(rows / 66 * units) - 6)

    @property
    def switch_notice(self) -> int:
        """From the decision to the switch: everyone hears of it, first keystreams are made.

        Those of a row take some 6 µs (two blocks), and a third of a core must do.
        """
        return max(25, ceil(self.most_rows / 1000 * 20 / self.round_ms))

    @property
    def decide_at(self) -> int:
        """The first mix alone decides: switch or extend."""
        return self.epoch_rounds - self.switch_notice

    @property
    def cutoff_at(self) -> int:
        """Gateways close their batch."""
        return self.decide_at - 3 - 2 - self.open_rounds * self.mixes

    @property
    def setup_from(self) -> int:
        """The first client sends its set-up."""
        return self.cutoff_at - SPREAD_ROUNDS - 14

    def setup_at(self, session: int) -> int:
        """The round, within an epoch, at which this session sends its set-up."""
        return self.setup_from + session % SPREAD_ROUNDS

    def epoch_of(self, number: int) -> int:
        """The epoch that a round belongs to."""
        return number // self.epoch_rounds

    def within(self, number: int) -> int:
        """A round's place in its epoch."""
        return number % self.epoch_rounds

    def first_round(self, epoch: int) -> int:
        """The first round of an epoch."""
        return epoch * self.epoch_rounds
