"""The command that runs random worlds.

Must not know: what happens in them, what must hold there.
"""

from typing import Annotated

from cyclopts import Parameter, validators

from pymix_voice.cli import DONE, FIXABLE, INTERRUPTED
from pymix_voice.cli.finding import JsonOption
from pymix_voice.cli.progress import follow
from pymix_voice.cli.reporting import show
from pymix_voice.edge.clock import Clock


def simulate(
    *,
    hours: Annotated[float, Parameter(validator=validators.Number(gt=0, lte=10_000))] = 1.0,
    seeds: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 1,
    people: Annotated[int, Parameter(validator=validators.Number(gte=2, lte=200))] = 200,
    json: JsonOption = False,
) -> int:
    """Run random zones in virtual time, break them, check that rules hold.

    A seed gives a whole zone: its mixes, gateways and people, the links
    between them, who calls whom, and what goes wrong. The real mixes, gateways
    and clients run in it, without sockets and clocks, so a seed gives the same
    bytes each time. Checked in every run:

        frames     each is heard by the peer only, at most once, in order
        nonces     nothing is sealed twice under one key and nonce
        headers    one header carries one datagram; one size for each kind
        matrices   one row a circuit, at most one matrix a round and direction
        wiped      no key outlives its epoch
        memory     nothing grows without bound
        recovery   after faults calls are heard again, within two epochs
        secrets    no key, address or session id in anything that a part tells

    For example, to look for trouble over night, and to see one seed again:

        pymix-voice simulate --hours 100
        pymix-voice simulate --seed 4711 --seeds 1 --hours 0.014

    It works on all processors. Ctrl-C shows what was found until then. The
    exit code is 1 if a rule did not hold; each time that is told with the
    command that shows it again.

    Args:
        hours: virtual hours in all, shared by the seeds in whole seconds, at least 41 each.
        seeds: how many zones; if not given, one for every 50 virtual seconds.
        seed: of the first zone; the others follow it.
        people: at most so many in one zone. Few are usual.
    """
    from pymix_voice.lab.simulate import bench, shown

    planned, began = bench.plan(hours, seeds, seed, people), Clock.now()
    found, whole = follow(bench.outcomes(planned), planned.seeds, "random worlds")
    told = bench.summary(planned, found, Clock.now() - began, whole=whole)
    show(told, shown.table(told), shown.sentences(told), as_json=json)
    if told["violations"]:
        return FIXABLE
    return DONE if whole else INTERRUPTED
