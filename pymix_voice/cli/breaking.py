"""The command that breaks a zone on purpose, and tells what people hear of it.

Must not know: how anything is broken or measured.
"""

import sys
from contextlib import suppress
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from pymix_voice.cli import DONE, FIXABLE, INTERRUPTED
from pymix_voice.cli.finding import JsonOption
from pymix_voice.cli.progress import Doing
from pymix_voice.cli.reporting import show
from pymix_voice.edge.running import run
from pymix_voice.errors import ConfigError


def faults(
    *,
    quick: Annotated[bool, Parameter(negative="")] = False,
    only: Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)] = None,
    json: JsonOption = False,
) -> int:
    """What a call hears when parts are killed, stopped, flooded or on a bad computer.

    A whole zone of processes runs on this computer with two calls in it, and one fault after the
    other is inflicted. What each side heard is laid beside what the other said. Ctrl-C tells what
    was heard until then. The exit code is 0 if all went as it should. Linux only.

    Args:
        quick: few faults; under 90 seconds. In full it takes some 12 minutes.
        only: names of faults: kill, stop-1s, stop-3s, junk, control, control-kill, hellos, disk,
            buffers, clock, clock-restart; each alone, or with a part as in 'kill/mix 2'.
    """
    if sys.platform != "linux":
        raise ConfigError("this measurement needs Linux, as mixes and gateways do")
    from pymix_voice.lab.faults import shown
    from pymix_voice.lab.faults.bench import Bench, all_well, summary
    from pymix_voice.lab.faults.inflicting import chosen

    plan = chosen(only, quick=quick)
    with Doing(1 + 2 * len(plan)) as doing:
        bench = Bench(plan, quick=quick, tell=doing.tell)
        with suppress(KeyboardInterrupt):
            run(partial(bench.run, doing.advance))
    told = summary(bench.found)
    show(told, shown.table(told), shown.sentences(told), as_json=json)
    if not bench.found.whole:
        return INTERRUPTED
    return DONE if all_well(told) else FIXABLE
