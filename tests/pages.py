"""What in a page is not ours: tags, scripts, handlers and addresses that a text brought."""

from html.parser import HTMLParser
from importlib.resources import files

_HTML = "html head meta title style body header main nav section div h1 h2 h3 p span a ul li dl dt"
_HTML += " sub sup details summary dd pre code table caption thead tbody tr th td figure"
_HTML += " figcaption img script"
_DRAWN = "svg g circle defs path use text tspan rect clippath image metadata"
# What matplotlib says of a drawing.
_DRAWN += " rdf:rdf cc:work cc:agent dc:type dc:date dc:format dc:creator dc:title"
_TAGS = frozenset(f"{_HTML} {_DRAWN}".split())
_ADDRESSES = ("#", "data:image/png;", "data:text/csv;", "data:application/toml;", "charts/")
_ADDRESSES += ("records.csv", "records.jsonl")


class _Looked(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        if tag not in _TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            leads = name in {"href", "src", "xlink:href", "action", "srcdoc", "data"}
            if name.startswith("on") or (leads and not (value or "").startswith(_ADDRESSES)):
                self.found.append(f"<{tag} {name}={value!r}>")

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        self.inside = ""


def foreign(html: str) -> list[str]:
    """Each thing in a page or drawing that no page of ours has; a script may only be our own."""
    looked = _Looked(html)
    own = (files("analogsim.report") / "template" / "page.js").read_text(encoding="utf-8").strip()
    return [*looked.found, *(one[:200] for one in looked.scripts if one != own)]
