"""Both neighbours of a middle mix in one machine, around a real one, in virtual time."""

from pymix_voice.lab.cast import cast
from pymix_voice.lab.throughput.ends import BEFORE, BEHIND, Ends
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.onion.chunk import LinkKeys
from pymix_voice.onion.dice import Dice
from pymix_voice.zone.drain import Burst, Drain

CLIENTS = 21
"""No whole number of slices."""
UNIX = 1_800_000_000.0
STEP_S = 0.001


class Between:
    """A middle mix and its neighbours, stepped by the millisecond.

    Args:
        seed: of everything random.
    """

    def __init__(self, seed: int) -> None:
        dice = Dice.seeded(seed)
        names = ["mix1", "mix2", "mix3"]
        zone, keys = cast(names, ["gateway1"], CLIENTS, 0, dice.fork("keys"))
        sign = keys["mix2"].sign
        assert sign is not None
        self.now = 1000.0
        self.mix = Mix(
            zone,
            1,
            sign.reveal(),
            dice=dice.fork("mix"),
            now=self.now,
            unix=UNIX,
            down=b"behind",
        )
        self.ends = Ends(zone, dice.fork("ends"), self.now, UNIX, b"middle")
        self.tamper = False
        for end, peer in ((BEFORE, 0), (BEHIND, DOWN)):
            link = LinkKeys(dice.bytes(4), dice.bytes(32), dice.bytes(32))
            self.mix.link_up(peer, link, self.now)
            self.ends.link_up(end, link, self.now)

    def step(self) -> None:
        """A millisecond goes by."""
        self.now += STEP_S
        self._talk()
        if self.ends.deadline() <= self.now:
            self.ends.handle_deadline(self.now)
        for burst in self.ends.bursts():
            self.mix.receive(self._drain(burst, b"before"), self.now)
        while self.mix.deadline() <= self.now:
            self.mix.handle_deadline(self.now)
            for burst in self.mix.bursts():
                end = BEHIND if burst.to == b"behind" else BEFORE
                self.ends.receive(end, self._drain(burst, b"middle"), self.now)
        while self.mix.work() or self.ends.work():
            self._talk()

    def _drain(self, burst: Burst, source: bytes) -> Drain:
        datagrams = [row.tobytes() for row in burst.datagrams]
        if self.tamper:
            datagrams = datagrams[1:]
        return Drain.of(datagrams, [source] * len(datagrams), self.now, 1200)

    def _talk(self) -> None:
        for peer, record in self.mix.said().records:
            self.ends.receive_control(BEHIND if peer == DOWN else BEFORE, record, self.now)
        said, self.ends.said = self.ends.said, []
        for end, record in said:
            self.mix.receive_control(DOWN if end == BEHIND else 0, record, self.now)


def test_a_mix_between_them_makes_circuits_at_once_and_rounds_come_back_whole() -> None:
    between = Between(1)
    for _ in range(1_500):
        between.step()
    counts = between.ends.counts
    assert counts.switched == 1
    assert counts.sent >= 60
    assert counts.sent - counts.returned <= 2
    assert (counts.filled_rows, counts.wrong) == (0, 0)
    assert between.mix.figures()["lines"] == CLIENTS


def test_epochs_follow_one_another_by_the_timetable() -> None:
    between = Between(2)
    for _ in range(9_500):
        between.step()
    counts = between.ends.counts
    assert (counts.switched, counts.extended, counts.wrong, counts.filled_rows) == (3, 0, 0, 0)


def test_what_is_lost_on_the_way_is_seen() -> None:
    between = Between(3)
    for _ in range(1_000):
        between.step()
    between.tamper = True
    for _ in range(500):
        between.step()
    assert between.ends.counts.filled_rows > 0
