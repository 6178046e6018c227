"""What a report says, in plain words: a chapter for each bench, and the figures to see first.

Must not know: HTML, files, how pictures are drawn.
"""

from typing import Final

from pymix_voice.lab.report import grids
from pymix_voice.lab.report.drawing import MOST_ROWS, Picture, svg
from pymix_voice.lab.report.page import Chapter, Drawn, Link
from pymix_voice.lab.report.results import Cost, Latency, Quality, Results

Tiles = list[tuple[str, str]]

TITLES: Final = {
    "latency": "How late speech is heard",
    "quality": "How clear it stays",
    "cost": "What it takes",
}
QUICK: Final = "This was a quick run: few values, so the far ends of what is spread are rough."
MANY: Final = f"Pictures show the first {MOST_ROWS} of each sort, the tables all of them."
CUT: Final = "This run was interrupted: it shows what was measured until then."


def latency(found: Latency | None, pictures: list[Picture]) -> Chapter:
    """How late speech is heard."""
    if found is None:
        return Chapter("latency", TITLES["latency"])
    missing = [
        f"{each.scheme} was not measured here: {each.missing}"
        for each in found.beside
        if each.missing is not None
    ]
    many = max(len(found.runs), len(found.beside), len(found.published))
    more = [MANY] if many > MOST_ROWS else []
    return Chapter(
        "latency",
        TITLES["latency"],
        about(found),
        warnings(found),
        [*_delay(found), *missing, *more],
        _drawn(pictures),
        grids.of_latency(found),
        [Link(figure) for figure in found.published],
    )


def quality(found: Quality | None, pictures: list[Picture]) -> Chapter:
    """How clear speech stays."""
    if found is None:
        return Chapter("quality", TITLES["quality"])
    words = [
        "Networks lose some of what is sent. Here speech is sent, some of it is lost, and what is "
        "heard is compared with what was said."
    ]
    drawn, tables = _drawn(pictures), grids.of_quality(found)
    heard = (about(found), warnings(found), words)
    return Chapter("quality", TITLES["quality"], *heard, drawn, tables)


def cost(found: Cost | None, pictures: list[Picture]) -> Chapter:
    """What it takes of computers and networks."""
    if found is None:
        return Chapter("cost", TITLES["cost"])
    words = [grids.of_client(found.client)]
    drawn, tables = _drawn(pictures), grids.of_cost(found)
    return Chapter("cost", TITLES["cost"], about(found), warnings(found), words, drawn, tables)


def tiles(results: Results) -> Tiles:
    """The figures to see first, those that there are."""
    found: Tiles = []
    if results.latency is not None:
        half, added = results.latency.mouth_to_ear_ms, results.latency.added_ms
        if half.p50 is not None:
            found.append((f"{half.p50:,.0f} ms", "from mouth to ear, in the middle"))
        if half.p95 is not None:
            found.append((f"{half.p95:,.0f} ms", "within which 95 of 100 are heard"))
        if added is not None and added.p50 is not None:
            found.append((f"{added.p50:+,.0f} ms", "against a direct call on the same machine"))
    if results.cost is not None:
        client = results.cost.client
        each_way = f"{client.kbit_s_up:,.0f} + {client.kbit_s_down:,.0f}"
        found.append((each_way, "kbit/s up and down, in a call or not"))
    return found


def about(found: Latency | Quality | Cost) -> str:
    """When and on what it was measured."""
    machine, noise = found.machine, found.noise
    told = (
        f"Measured on {found.measured_at}: {machine.cpu}, "
        f"{machine.cores} core{'' if machine.cores == 1 else 's'}, {machine.system}, "
        f"Python {machine.python}."
    )
    if noise is None or noise.before_ms is None or noise.after_ms is None:
        return told
    return (
        f"{told} The same loop of work took {noise.before_ms:.2f} ms before the run, and "
        f"{noise.after_ms:.2f} ms after it."
    )


def warnings(found: Latency | Quality | Cost) -> list[str]:
    """What to keep in mind."""
    return ([] if found.whole else [CUT]) + ([QUICK] if found.quick else [])


def _delay(found: Latency) -> list[str]:
    """The main figures as a sentence; there is nothing to say where nothing was heard."""
    half, most = found.mouth_to_ear_ms.p50, found.mouth_to_ear_ms.p95
    if half is None or most is None:
        return ["Nothing was heard, so no delay is known."]
    told = f"Half of what is said is heard within {half:,.0f} ms, 95 of 100 within {most:,.0f} ms."
    added = found.added_ms
    if added is not None and added.p50 is not None:
        than = "later" if added.p50 >= 0 else "sooner"
        told += f" That is {abs(added.p50):,.0f} ms {than} than in a direct call, without mixes."
    return [told]


def _drawn(pictures: list[Picture]) -> list[Drawn]:
    return [Drawn(picture, svg(picture)) for picture in pictures]
