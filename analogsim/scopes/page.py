"""A report as one HTML file: no script, no network, nothing beside it."""

import base64
from collections.abc import Sequence
from html import escape

from analogsim.scopes.sheet import Sheet

Block = Sheet | bytes | str
"""A table, a figure as PNG, or a paragraph."""

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --soft: #57606a; --line: #d0d7de; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e6e8ea; --soft: #a3acb5; --line: #3a424a; }
}
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
p { max-width: 46rem; } .soft, caption { color: var(--soft); font-size: .9rem; }
img { display: block; width: 100%; max-width: 54rem; height: auto; background: #fff; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
@media print { .scroll { overflow: visible; } tr, img { break-inside: avoid; } }
"""


def render(title: str, lead: str, sections: Sequence[tuple[str, Sequence[Block]]]) -> str:
    """The page's text; `sections` are headings with their blocks. Everything is escaped."""
    body = "".join(
        f"<h2>{escape(heading)}</h2>\n{''.join(_html(block, heading) for block in blocks)}\n"
        for heading, blocks in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="soft">{escape(lead)}</p>\n{body}'
        "</main>\n</body>\n</html>\n"
    )


def _html(block: Block, heading: str) -> str:
    if isinstance(block, Sheet):
        return block.html()
    if isinstance(block, bytes):
        content = base64.b64encode(block).decode()
        name = escape(f"{heading}; the tables have the same numbers.")
        return f'<img alt="{name}" src="data:image/png;base64,{content}">\n'
    return f"<p>{escape(block)}</p>\n"
