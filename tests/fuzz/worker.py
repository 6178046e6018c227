"""One harness under atheris, in a process of its own: `python -m fuzz.worker NAME ...`.

A finding does not end it: its input is written, and each place that raises is told once. At the
end one line of JSON is left for whoever started it.

Source: atheris (libFuzzer for Python), https://github.com/google/atheris.
"""

import json
import sys
import time
import traceback
import warnings
from pathlib import Path

import atheris

TELL_S = 0.5
SLOW_S = 1.0
"""More CPU time than any honest input of its length takes: a finding."""


class Watched:
    """A harness that notes what it finds, and goes on.

    Args:
        name: of the harness.
        told: takes the line of JSON; findings are written beside it.
    """

    def __init__(self, name: str, told: Path) -> None:
        from fuzz.registry import HARNESSES

        self._run = HARNESSES[name].run
        self._name = name
        self._told = told
        self._found: dict[str, str] = {}
        self._since = time.perf_counter()
        self.inputs = 0
        self._told_at = 0.0

    def take(self, data: bytes) -> None:
        """One input."""
        self.inputs += 1
        start = time.process_time()
        try:
            self._run(data)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            place = (
                f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
            )
            self._note(place, data, "".join(traceback.format_exception(error)))
        now = time.process_time()
        if now - start > SLOW_S:
            self._note("slow", data, f"{now - start:.1f} s")
        if now - self._told_at > TELL_S:
            self._told_at = now
            self.tell()

    def _note(self, what: str, data: bytes, text: str) -> None:
        if what in self._found:
            return
        self._found[what] = text
        path = self._told.with_name(f"{self._name}-{len(self._found)}")
        path.with_suffix(".input").write_bytes(data)
        path.with_suffix(".txt").write_text(f"{what}\n{text}")
        self.tell()

    def tell(self) -> None:
        """Leave the line."""
        seconds = time.perf_counter() - self._since
        told = {"inputs": self.inputs, "seconds": seconds, "findings": sorted(self._found)}
        self._told.write_text(json.dumps(told) + "\n")


def main() -> None:
    """Arguments: the harness, the file for the line, and libFuzzer's own."""
    name, told, *options = sys.argv[1:]
    warnings.simplefilter("error")
    with atheris.instrument_imports(include=["pymix_voice", "tomllib"]):
        import tomllib  # noqa: F401

        watched = Watched(name, Path(told))
    atheris.Setup([sys.argv[0], *options], watched.take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
