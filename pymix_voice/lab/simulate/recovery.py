"""Rule: once faults are over, whoever is in a call hears again, and everybody else has rows.

Within two epochs: a mix that was started anew signs from the second epoch after that of its start
on. A client that has to find its gateway again first gets two epochs from then. Who is left alone
in a call is told that it is over, after 45 s; who is back to idle was told why.

Source: the project's protocol page, sections "An epoch's timetable" and "Dialing, step by step".

Must not know: what the faults were.
"""

from bisect import bisect_left
from itertools import combinations, pairwise

from pymix_voice.client.call import LOST_S, RING_S
from pymix_voice.client.machine import Client
from pymix_voice.client.states import State
from pymix_voice.lab.cast import Person
from pymix_voice.lab.simulate.observed import Rule
from pymix_voice.lab.world import Part

EPOCHS = 2
LINKED_S = 1.0
"""Control links stand again so long after their ends do, and hellos take their way."""
SAMPLE_S = 2.0
"""It is looked so long whether frames come."""
SESSION_S = 14.0
"""Until a client that tries again every 8 s or so has found its gateway."""
SILENCE_S = 0.5
"""A gap so long is a silence, and not the network's losses."""
TOLD_S = 12.0
"""Clients that stood still themselves count rounds later."""
LEAST_SHARE = 0.3
"""Of the frames that the links let through, so many are heard, at the worst: links that reorder
make rounds late."""
IN_CALL = (State.CONNECTING, State.TALKING, State.RECONNECTING)


class Recovery(Rule):
    """How calls and clients stand at the end."""

    name = "recovery"

    def __init__(self) -> None:
        super().__init__()
        self.calm_at = float("inf")
        """When the last fault was over."""
        self.times: list[float] = []
        """For each way of each call that was on then and still is: seconds until the last silence
        was over."""
        self.calls = 0
        self._since: dict[str, float] = {}
        self._sessions: dict[str, int] = {}
        self._loops: list[tuple[float, dict[str, int]]] = []
        self._alone: dict[str, float] = {}
        self._talking: set[frozenset[str]] = set()
        self._calling: set[frozenset[str]] = set()
        """Who was in a call when the last fault was over."""

    def begun(self, name: str, part: Part) -> None:
        """A client that comes back begins anew."""
        self._since[name] = self.world.now
        self._sessions.pop(name, None)
        self._alone.pop(name, None)

    def calm(self) -> None:
        """The last fault is over."""
        self.calm_at = self.world.now
        self._calling = {frozenset(pair) for pair in self._pairs()}

    @property
    def _online(self) -> dict[str, Client]:
        parts = self.world.parts
        return {name: part for name, part in parts.items() if isinstance(part, Client)}

    def look(self) -> None:
        """Note new sessions, who is left alone, who talks."""
        now, online = self.world.now, self._online
        for name, client in online.items():
            if self._sessions.get(name) != client.connection.sessions:
                self._sessions[name] = client.connection.sessions
                self._since[name] = now
            self._check_alone(self.world.people[name], now)
        self._loops.append((now, {name: client.loops_back for name, client in online.items()}))
        self._loops = [each for each in self._loops if each[0] >= now - SAMPLE_S - 0.1]
        talking = {frozenset(pair) for pair in self._pairs()}
        self.calls += len(talking - self._talking)
        self._talking = talking

    def _check_alone(self, person: Person, now: float) -> None:
        phone = person.machine.phone
        if phone.call is None:
            self._alone.pop(person.name, None)
            return
        peers = [
            other.machine.phone.call
            for name, other in self.world.people.items()
            if name in self.world.parts and other.identity.key.public == phone.call.peer
        ]
        if any(call is not None and call.peer == person.identity.key.public for call in peers):
            self._alone.pop(person.name, None)
            return
        since = self._alone.setdefault(person.name, now)
        longest = LOST_S if phone.call.accepted else RING_S
        if now - since > longest + TOLD_S:
            self.broken(f"{person.name} is in a call with nobody, and was not told that it is over")
            self._alone[person.name] = now

    def _pairs(self) -> list[tuple[str, str]]:
        """Who is in a call with whom, as both see it."""
        people = [self.world.people[name] for name in self._online]
        calling = [each for each in people if each.machine.phone.state in IN_CALL]
        return [
            (one.name, other.name)
            for one, other in combinations(calling, 2)
            if _peer_of(one) == other.identity.key.public
            and _peer_of(other) == one.identity.key.public
        ]

    # ── at the end ───────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        """Judge."""
        pairs = self._pairs()
        for one, other in pairs:
            for hearer in (one, other):
                self._check_hears(hearer, other if hearer is one else one)
        for name, client in self._online.items():
            self._check_online(name, client)
            for _, event in self.world.people[name].events:
                if event.state == State.IDLE and event.ending is None:
                    self.broken(f"{name} was not told why a call is over")

    def _due(self, *names: str) -> float:
        """From when on all must be well with these."""
        steady = EPOCHS * self.world.zone.geometry.epoch_s + LINKED_S
        return max(self.calm_at, *(self._since[name] for name in names)) + steady

    def _changed_at(self, name: str) -> float:
        events = self.world.people[name].events
        return events[-1][0] if events else 0.0

    def _check_hears(self, hearer: str, talker: str) -> None:
        now, heard = self.world.now, [at for at, _ in self.world.people[hearer].heard]
        begin = max(self._due(hearer, talker), now - SAMPLE_S)
        steady = EPOCHS * self.world.zone.geometry.epoch_s
        connecting = State.CONNECTING in (self._state(hearer), self._state(talker))
        if connecting and self._changed_at(hearer) + steady > begin:
            return
        wanted = LEAST_SHARE * self._passing * (now - begin) / self.world.zone.geometry.round_s
        count = len(heard) - bisect_left(heard, begin)
        if now - begin >= SAMPLE_S / 2 and count < wanted:
            self.broken(
                f"{hearer}, in a call with {talker}, heard {count} frames in the last "
                f"{now - begin:.1f} s, {now - self.calm_at:.0f} s after the last fault"
            )
        elif frozenset((hearer, talker)) in self._calling and heard[-1:] > [self.calm_at]:
            self.times.append(self._recovered(heard))

    def _state(self, name: str) -> State:
        return self.world.people[name].machine.phone.state

    @property
    def _passing(self) -> float:
        """The share of frames that two access links let through."""
        return (1 - self.world.law_of(next(iter(self.world.people)), "").loss) ** 2

    def _recovered(self, heard: list[float]) -> float:
        after = [self.calm_at, *heard[bisect_left(heard, self.calm_at) :]]
        ends = [b for a, b in pairwise(after) if b - a > SILENCE_S]
        return round((ends[-1] if ends else self.calm_at) - self.calm_at, 2)

    def _check_online(self, name: str, client: Client) -> None:
        now = self.world.now
        if client.connection.broken and now > max(self.calm_at, self._since[name]) + SESSION_S:
            self.broken(f"{name} did not find its gateway again")
        elif now > self._due(name) and not client.in_zone:
            self.broken(f"{name} has no rows, {now - self.calm_at:.0f} s after the last fault")
        elif now > self._due(name) + SAMPLE_S and client.phone.state == State.IDLE:
            before = self._loops[0][1].get(name, 0)
            if client.loops_back <= before:
                self.broken(f"no cell that {name} sends to itself comes back")


def _peer_of(person: Person) -> bytes | None:
    call = person.machine.phone.call
    return None if call is None else call.peer
