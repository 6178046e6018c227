"""The command that attacks the project itself.

Must not know: how recordings are made, how attacks work.
"""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from pymix_voice.cli import DONE, FIXABLE, INTERRUPTED
from pymix_voice.cli.finding import JsonOption
from pymix_voice.cli.progress import Doing
from pymix_voice.cli.reporting import show
from pymix_voice.edge.running import run


def audit(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 1,
    report: Path | None = None,
    json: JsonOption = False,
) -> int:
    """Attack the project as whoever watches the network would, and say what can be found out.

    Whole zones of the real mixes, gateways and clients live in virtual time, with calls, idle
    people, losses and comings and goings. An observer of all links records when and how much is
    sent, corrupt gateways and mixes what they know beside; then every attack that is published for
    such systems tries who talks with whom, and who talks at all. As it is, the project must give
    none of them more than luck. So that this means something, deliberately broken builds are
    attacked the same way, and each must be found out. In full, a zone of real processes on this
    computer is recorded and attacked as well.

    The exit code is 1 if an attack on the project as it is did better than chance, or none noticed
    a broken build. It needs packages of its own: `pip install 'pymix-voice[audit]'`.

    Args:
        quick: fewer lives, all in virtual time; under 90 seconds. In full it takes a quarter of an
            hour.
        seed: of all that is drawn; the same seed finds the same in virtual time.
        report: folder for a page with pictures and what each attack means, and the figures.
    """
    from pymix_voice.lab.audit import bench, limits, reporting, shown

    reporting.load(report=report is not None)
    plan = bench.lives(quick=quick, seed=seed)
    found = bench.Found(quick=quick)
    with Doing(len(plan) + (not quick)) as doing, suppress(KeyboardInterrupt):
        if not quick:
            run(partial(bench.real, found, seed, doing.tell))
            doing.advance()
        for _ in bench.audit(found, plan, doing.tell):
            doing.advance()
    rows = bench.rows(found)
    told = reporting.told(found, rows)
    words = [*shown.sentences(rows), *limits.sentences(found.limits)]
    show(told, shown.table(rows), words, as_json=json)
    if report is not None and rows:
        reporting.write(report, told, rows)
    if not found.whole:
        return INTERRUPTED
    return DONE if shown.is_sound(rows) else FIXABLE
