"""No record of bytes shows them: a traceback or a log line may hold any object's `repr`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pymix_voice"
BELOW = [
    path
    for part in ("client", "gateway", "mix", "zone", "onion")
    for path in sorted((PACKAGE / part).rglob("*.py"))
]
TELLING = ("bytes", "NDArray", "Addresses", "Handshake")
HARMLESS = {"Cipher", "Status"}
"""Sizes, and the gateway's word: its piece is of a public list, or a number asked for once."""


def records(source: str) -> Iterator[ast.ClassDef]:
    """Classes whose `repr` is made for them."""
    for part in ast.walk(ast.parse(source)):
        if isinstance(part, ast.ClassDef):
            made = [ast.unparse(each) for each in (*part.bases, *part.decorator_list)]
            own = any(isinstance(f, ast.FunctionDef) and f.name == "__repr__" for f in part.body)
            if not own and any("NamedTuple" in each or "dataclass" in each for each in made):
                yield part


def shown(record: ast.ClassDef) -> list[str]:
    """Its fields of bytes that stand in its `repr`."""
    fields = [each for each in record.body if isinstance(each, ast.AnnAssign)]
    return [
        ast.unparse(each.target)
        for each in fields
        if any(word in ast.unparse(each.annotation) for word in TELLING)
        and "repr=False" not in ast.unparse(each)
    ]


@pytest.mark.parametrize("path", BELOW, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_record_of_bytes_says_only_what_it_is(path: Path) -> None:
    telling = {each.name: shown(each) for each in records(path.read_text())}
    assert [name for name, fields in telling.items() if fields and name not in HARMLESS] == []


def test_a_record_that_shows_bytes_is_seen() -> None:
    source = "class A(NamedTuple):\n    key: bytes\n    size: int"
    assert [shown(each) for each in records(source)] == [["key"]]
    assert list(records(source + "\n    def __repr__(self): ...")) == []
