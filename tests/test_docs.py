"""What the pages promise: links lead somewhere, named code is there, no page tells of a machine."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
NAMED = re.compile(r"\b(?:pymix_voice|tests)/[\w/]+\.py\b")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
METHOD = re.compile(r"`([A-Z]\w*[a-z]\w*)\.(\w+)`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("https://", "http://", "mailto:")
OF_A_MACHINE = re.compile(r"(?:^|[\s`\"'(=])/(?:work|tmp|home|root|mnt|media|Users)\b|\bC:\\")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its blocks of code, where `[...](...)` is no link."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """What can follow `#`: headings as code hosts name them."""
    slugs = set()
    for heading in HEADING.findall(prose(page)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slugs.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return slugs


def broken(page: Path, link: str) -> bool:
    place, _, anchor = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return True
    return bool(anchor) and (target.suffix != ".md" or anchor not in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(prose(page)) if not link.startswith(ELSEWHERE)]
    assert [link for link in links if broken(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_named_file_of_the_code_is_there(page: Path) -> None:
    assert [name for name in NAMED.findall(page.read_text()) if not (ROOT / name).is_file()] == []


def methods() -> set[tuple[str, str]]:
    """Every class of the project with every method of its own."""
    found = set()
    for path in (ROOT / "pymix_voice").rglob("*.py"):
        for part in ast.walk(ast.parse(path.read_text())):
            if isinstance(part, ast.ClassDef):
                inside = [each for each in part.body if isinstance(each, ast.FunctionDef)]
                found |= {(part.name, each.name) for each in inside}
    return found


def test_every_named_method_is_there() -> None:
    told = {pair for page in PAGES for pair in METHOD.findall(page.read_text())}
    assert told, "the architecture page names many"
    assert told - methods() == set()


def test_every_test_that_a_page_leans_on_is_there() -> None:
    leaned = {pair for page in PAGES for pair in TEST.findall(page.read_text())}
    assert leaned, "the security page leans on many"
    missing = [
        name for path, name in sorted(leaned) if f"def {name}(" not in (ROOT / path).read_text()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    assert OF_A_MACHINE.search(page.read_text()) is None


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name for page in decisions if f"decisions/{page.name}" not in index] == []


@pytest.mark.parametrize("link", ["nowhere.md", "README.md#no-such-heading", "../../etc"])
def test_a_broken_link_is_seen(link: str) -> None:
    assert broken(ROOT / "README.md", link)
