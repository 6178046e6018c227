"""Rule: one row for every circuit in every round, and at most one matrix a round and direction.

Forward and backward, at each mix of the chain, an epoch's matrices have the same rows, lines in
every round and doors beside them in door rounds. (A part that was started anew has no circuits
of the epochs before, and sends matrices without rows.) Mixes add no phantoms yet, so the rows are
those that the gateways sent.

Source: the project's protocol page, section "Mix links".

Must not know: what is in a row.
"""

from collections import defaultdict
from typing import NamedTuple

from pymix_voice.geometry import is_door_round
from pymix_voice.lab.simulate.observed import Rule, Sealed
from pymix_voice.lab.world import Part
from pymix_voice.zone.epochs import NO_EPOCH, epoch_of_age
from pymix_voice.zone.records import Accepted, Record


class _Kind(NamedTuple):
    epoch: int
    door: bool


class Matrices(Rule):
    """What every part sealed, by part, link and round."""

    name = "matrices"

    def __init__(self) -> None:
        super().__init__()
        self._lives: defaultdict[str, int] = defaultdict(int)
        self._rounds: defaultdict[tuple[str, int, int], set[int]] = defaultdict(set)
        self._shares: dict[tuple[str, int], int] = {}
        self._population: dict[int, int] = {}

    def begun(self, name: str, part: Part) -> None:
        """It is another part now, and may not know what the one before knew."""
        self._lives[name] += 1

    def said(self, source: str, destination: str, record: Record) -> None:
        """How many lines an epoch has."""
        if isinstance(record, Accepted):
            self._population[record.epoch] = record.population
            self._shares[destination, record.epoch] = record.rows

    def matrix(self, sealed: Sealed) -> None:
        """Compare it with what there was before."""
        world, part = self.world, sealed.part
        if part not in world.parts:
            self.broken("a round was sealed outside of any part's turn")
            return
        rounds = self._rounds[part, self._lives[part], sealed.link_id]
        if sealed.number in rounds:
            self.broken(f"{part} sealed a round twice for one neighbour")
        rounds.add(sealed.number)
        if sealed.chunks != world.zone.geometry.chunks(sealed.rows):
            self.broken(f"{part} sent {sealed.chunks} datagrams for {sealed.rows} rows")
        epoch = epoch_of_age(world.zone.geometry, sealed.number, sealed.age)
        if epoch == NO_EPOCH:
            if sealed.rows:
                self.broken(f"{part} sent rows though there are no circuits")
            return
        self._check_rows(part, _Kind(epoch, is_door_round(sealed.number)), sealed)

    def _check_rows(self, part: str, kind: _Kind, sealed: Sealed) -> None:
        clients = self._population.get(kind.epoch)
        if part in self.world.mix_names and not self._is_for_gateway(part, sealed.link_id):
            wanted = None if clients is None else clients * (2 if kind.door else 1)
            if wanted is None or sealed.rows != wanted:
                self.broken(f"{part} sent {sealed.rows} rows, but the epoch has {wanted}")
            return
        # What passes between a gateway and the first mix is the gateway's share. A gateway that
        # does not know of it, since it was started anew or not told, has no rows.
        gateway = self.world.links_from[sealed.link_id]
        share = self._shares.get((gateway, kind.epoch), 0) * (2 if kind.door else 1)
        if sealed.rows != share and (part != gateway or sealed.rows):
            self.broken(f"{part} sent {sealed.rows} rows, but {gateway} has {share}")

    def _is_for_gateway(self, part: str, link_id: int) -> bool:
        """Whether a link of the first mix is one with a gateway, and not with the next mix."""
        return part == self.world.mix_names[0] and self.world.links_from.get(link_id) != part
