"""The call screen: a process that draws and reads keys, beside the one that sends cells."""

from collections.abc import Sequence
from functools import partial

from pymix_voice.cli.screen.terminal import fits as fits
from pymix_voice.edge import running


def screen(command: Sequence[str]) -> int:
    """Show a call on the terminal, by an engine that is started for it.

    Args:
        command: the engine's program and arguments, `--json` among them.

    Returns:
        The engine's exit code.
    """
    from pymix_voice.cli.screen.run import attend  # what draws is not loaded into an engine

    return running.run(partial(attend, command))
