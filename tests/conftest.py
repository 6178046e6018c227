"""One Hypothesis profile for all tests: the same examples everywhere, and no timing.

And which part of them is run: `--live never` leaves out those that a busy machine can fail, which
are marked `live`; `--live only` takes no others. `make test` runs the one part after the other.
"""

import signal

import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")

# In the background of a shell Ctrl-C is ignored, by programs that tests start and end so as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live", choices=("never", "only"), help="leave out what is marked live, or all else"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Not by `-m`, which is left to who runs them: of two such options only the last counts.
    chosen = config.getoption("--live")
    if chosen is None:
        return
    parts: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        parts[item.get_closest_marker("live") is not None].append(item)
    wanted = chosen == "only"
    items[:] = parts[wanted]
    config.hook.pytest_deselected(items=parts[not wanted])
