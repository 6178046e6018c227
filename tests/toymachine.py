"""A machine that is only there for its datapath to serve."""

from pymix_voice.edge.datapath import Datapath, Inlet
from pymix_voice.edge.port import Port
from pymix_voice.zone.drain import Burst, Drain

LOCAL = ("127.0.0.1", 0)


class Toy:
    """Echoes what it takes, ticks at given instants, and writes down what happened."""

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.due: list[float] = []
        self.waiting: list[Burst] = []
        self.story: list[str] = []
        self.slices = 0

    def receive(self, drain: Drain, now: float) -> None:
        self.story.append(f"took {len(drain.lengths)}")
        self.waiting.append(Burst(drain.cells[:, :8].copy(), drain.sources, "link"))

    def handle_deadline(self, now: float) -> None:
        self.story.append("tick")
        self.ticks.append(now)
        self.due = [each for each in self.due if each > now]

    def deadline(self) -> float:
        return min(self.due, default=float("inf"))

    def bursts(self) -> list[Burst]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def work(self) -> bool:
        if self.slices == 0:
            return False
        self.slices -= 1
        self.story.append("work")
        return True


def serve(toy: Toy, port: Port) -> Datapath:
    return Datapath(toy, {"link": Inlet(port, toy.receive)}, work=toy.work, after=lambda: None)
