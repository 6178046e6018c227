"""A world that is watched: rules see what its parts send, seal, hear and keep, and break nothing.

Nothing in the parts knows of it: the world is a subclass, and for the time of a run the two
functions that seal for everybody, and the one that seals a round, are recorded on their way.

Must not know: what must hold.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pymix_voice.client.call import PAUSE
from pymix_voice.client.machine import Client
from pymix_voice.client.states import Heard
from pymix_voice.lab.cast import Person, frame_of
from pymix_voice.lab.world import START, Part, World
from pymix_voice.mix.machine import Mix
from pymix_voice.onion import sodium
from pymix_voice.onion.sodium import CHACHA, Chosen, Cipher, Keys, Nonces
from pymix_voice.zone.drain import Burst
from pymix_voice.zone.link import RoundLink
from pymix_voice.zone.records import Record

NOBODY = "nobody"
CATCHING_UP_S = 1.5
"""A part that stood still has done all that was due so long after."""


class Violation(NamedTuple):
    """A rule did not hold."""

    rule: str
    at: float
    """Virtual seconds since the world began."""
    sentence: str


class Sealed(NamedTuple):
    """A round of one link was sealed."""

    part: str
    link_id: int
    number: int
    age: int
    rows: int
    chunks: int


class Rule:
    """Something that must hold in every world; a rule overrides what it wants to see."""

    name = "rule"
    most = 3
    """Of its violations, so many are told."""

    def __init__(self) -> None:
        self.world: Observed
        self.violations: list[Violation] = []

    def broken(self, sentence: str) -> None:
        """It does not hold."""
        if len(self.violations) < self.most:
            at = round(self.world.now - self.world.began, 3)
            self.violations.append(Violation(self.name, at, sentence))

    def begun(self, name: str, part: Part) -> None:
        """A part has started, for the first time or anew."""

    def ended(self, name: str) -> None:
        """A part is gone, with all it knew."""

    def sent(self, source: str, destination: str, datagram: bytes) -> None:
        """A datagram was put on a link."""

    def said(self, source: str, destination: str, record: Record) -> None:
        """A control record was said."""

    def sealed(self, key: bytes, nonce: bytes, content: int) -> None:
        """Something was sealed; `content` is a hash of what, and of what stands beside it."""

    def matrix(self, sealed: Sealed) -> None:
        """A part sealed a round for a neighbour."""

    def spoke(self, talker: Person, index: int) -> None:
        """A person's client asked for a frame; it is the one with this index."""

    def heard(self, hearer: Person, heard: Sequence[Heard]) -> None:
        """A client gave its person frames."""

    def look(self) -> None:
        """Some time has passed."""

    def close(self) -> None:
        """The run is over."""


class Observed(World):
    """A world with rules; arguments as of `World`.

    Args:
        rules: what must hold.
    """

    def __init__(self, rules: Sequence[Rule], **zone: Any) -> None:  # noqa: ANN401
        self.rules = rules
        for rule in rules:
            rule.world = self
        self.acting = NOBODY
        self.notes: dict[str, list[str]] = {}
        """All that parts told their operators."""
        self.links_from: dict[int, str] = {}
        """Which part is upstream on a link, by the link's id."""
        self.rounds = self.frames_heard = 0
        self.began = START
        super().__init__(**zone)

    # ── what happens ─────────────────────────────────────────────────────────────────────

    def _start(self, name: str) -> None:
        super()._start(name)
        self._tell_begun(name)

    def _connect(self, up: str, down: str) -> None:
        super()._connect(up, down)
        below = self.parts.get(down)
        link = below._neighbours.link(self._peer(down, up)) if isinstance(below, Mix) else None
        if link is not None:
            self.links_from[link.link_id] = up

    def _tell_begun(self, name: str) -> None:
        for rule in self.rules:
            rule.begun(name, self.parts[name])

    def join(self, name: str, **how: Any) -> Person:  # noqa: ANN401
        """As `World.join`; who comes back goes on counting frames, and keeps what they heard."""
        before = self.people.get(name)
        person = super().join(name, **how)
        if before is not None:
            person.frames = before.frames
            person.events, person.heard = before.events, before.heard
        self._tell_begun(name)
        return person

    def kill(self, name: str) -> None:
        """As `World.kill`."""
        super().kill(name)
        for rule in self.rules:
            rule.ended(name)

    def frame(self, name: str) -> bytes | None:
        """As `World.frame`, but each frame has an index of its own, in a call or not."""
        person = self.people[name]
        person.frames += 1
        for rule in self.rules:
            rule.spoke(person, person.frames)
        size = self.zone.geometry.body_bytes
        return PAUSE if person.muted else frame_of(name, person.frames, size)

    def post(self, source: str, destination: str, datagram: bytes) -> None:
        """As `Traffic.post`."""
        for rule in self.rules:
            rule.sent(source, destination, datagram)
        super().post(source, destination, datagram)

    def _say(self, source: str, destination: str, record: Record) -> None:
        for rule in self.rules:
            rule.said(source, destination, record)
        super()._say(source, destination, record)

    def is_server(self, name: str) -> bool:
        """Whether it is a mix or a gateway's worker, running or not."""
        return name in self.mix_names or name in self._numbers

    def is_stalled(self, name: str) -> bool:
        """Whether a part stands still, or did until just now."""
        return self._stalled.get(name, 0.0) + CATCHING_UP_S > self.now

    def _listen(self, name: str, machine: Client) -> None:
        heard = list(machine.phone.heard)
        if heard:
            self.frames_heard += len(heard)
            for rule in self.rules:
                rule.heard(self.people[name], heard)
        super()._listen(name, machine)

    def _do_due(self, name: str, part: Part) -> None:
        self.acting = name
        super()._do_due(name, part)
        self.acting = NOBODY

    def look(self) -> None:
        """Let all rules have a look."""
        for name, part in self.parts.items():
            if not isinstance(part, Client):
                self.notes.setdefault(name, []).extend(part.notes)
                part.notes.clear()
        for rule in self.rules:
            rule.look()

    def close(self) -> list[Violation]:
        """The run is over: what did not hold."""
        self.look()
        for rule in self.rules:
            rule.close()
        return [violation for rule in self.rules for violation in rule.violations]

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """As long as it lasts, all that is sealed in this process is shown to the rules."""
        seal, seal_rows, seal_round = sodium.seal, sodium.seal_rows, RoundLink.seal

        def one(key: bytes, nonce: bytes, plain: bytes, ad: bytes = b"") -> bytes:
            self._tell_sealed(key, nonce, hash((plain, ad)))
            return seal(key, nonce, plain, ad)

        def rows(
            matrix: NDArray[np.uint8],
            header: int,
            nonces: Nonces,
            keys: Keys,
            cipher: Cipher = CHACHA,
        ) -> None:
            for row, raw in enumerate(matrix):
                content = hash(raw[: -cipher.tag_bytes].tobytes())
                self._tell_sealed(_key_of(keys, row), bytes(nonces[row]), content)
            seal_rows(matrix, header, nonces, keys, cipher)

        def keystream(key: bytes, nonce: bytes, length: int) -> bytes:
            return seal(key, nonce, bytes(length))[:length]

        def whole(
            link: RoundLink, number: int, age: int, cells: NDArray[np.uint8], flags: int = 0
        ) -> list[Burst]:
            bursts = seal_round(link, number, age, cells, flags)
            chunks = sum(len(burst.datagrams) for burst in bursts)
            if bursts:
                self.rounds += 1
                sealed = Sealed(self.acting, link.link_id, number, age, len(cells), chunks)
                for rule in self.rules:
                    rule.matrix(sealed)
            return bursts

        patches = [
            (sodium, "seal", one),
            (sodium, "seal_rows", rows),
            (sodium, "stream", keystream),
            (RoundLink, "seal", whole),
        ]
        before = [(where, name, getattr(where, name)) for where, name, _ in patches]
        for where, name, new in patches:
            setattr(where, name, new)
        try:
            yield
        finally:
            for where, name, old in before:
                setattr(where, name, old)

    def _tell_sealed(self, key: bytes, nonce: bytes, content: int) -> None:
        for rule in self.rules:
            rule.sealed(key, nonce, content)


def _key_of(keys: Keys, row: int) -> bytes:
    if isinstance(keys, bytes):
        return keys
    if isinstance(keys, Chosen):
        return bytes(keys.table[keys.rows[row]])
    return bytes(keys[row])
