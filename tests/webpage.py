"""What a browser would make of a page of a report, and what no such page may have."""

from html.parser import HTMLParser


class Seen(HTMLParser):
    """What a browser would make of a page: elements, what they refer to, words."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.styles = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "no script"
            if name in ("href", "xlink:href"):
                (self.links if tag == "a" else self.fetched).append(value or "")
            elif name in ("src", "srcset", "data", "poster", "action", "background"):
                self.fetched.append(value or "")
            elif name == "style":
                self.styles += f"{value};"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.styles += data
        else:
            self.words += data


def seen(files: dict[str, bytes]) -> Seen:
    page = Seen(files["index.html"].decode())
    assert page.open == [], "every element is closed"
    assert "script" not in page.names
    assert all(each.startswith("#") for each in page.fetched), page.fetched
    assert "@import" not in page.styles
    assert "url(" not in page.styles.replace("url(#", "")
    return page
