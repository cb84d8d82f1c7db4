"""Every text of a folder that a reader takes, made a script at once: the pages show it as text."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import AnalogsimError
from analogsim.experiment.digest import digest_of
from analogsim.report.build import build_report
from analogsim.report.extras import read_extras
from analogsim.report.summary import read_run, summarise_run
from analogsim.scopes.build import build_noise
from analogsim.scopes.read_folder import read_noise
from analogsim.suites.build import build_suite
from analogsim.suites.kept import read_kept
from tests.fuzz.runs import TARGETS
from tests.pages import foreign

EVIL = "\"'></title></script><script>alert({})</script><img src=x onerror=y>${{x}}$"
SHOWN = re.compile(r"&lt;script&gt;alert\((\d+)\)")
Files = dict[str, list[Any]]


@pytest.mark.parametrize(
    "html",
    ["<script>alert(1)</script>", "<a href='javascript:x'>", "<p onclick=x>", "<iframe>",
     "<img src='http://a/b.png'>", "<svg><a xlink:href='https://a'></svg>", "<object data=x>"],
)  # fmt: skip
def test_what_is_foreign_is_found(html: str) -> None:
    assert foreign(f"<p>ours</p>{html}")


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from texts(one)


def replaced(value: Any, old: str, new: str) -> Any:
    """With another text everywhere, also as the name of a field."""
    if isinstance(value, dict):
        return {new if k == old else k: replaced(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [replaced(one, old, new) for one in value]
    return new if value == old else value


def written(folder: Path, content: Files) -> None:
    """With the digests put right, as whoever makes such a folder does."""
    content = copy.deepcopy(content)
    for header in content.get("run.json", []):
        for one in (header, *content["records.jsonl"]):
            one["spec_digest"] = digest_of(header["spec"])
    for name, documents in content.items():
        text = "\n".join(one if name.endswith(".toml") else json.dumps(one) for one in documents)
        (folder / name).write_text(text + "\n")


def read(folder: Path) -> Files:
    found: Files = {}
    for path in folder.iterdir():
        text = path.read_text()
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        documents = lines if path.suffix == ".toml" else [json.loads(line) for line in lines]
        for one in documents:
            if isinstance(one, dict):
                one.pop("crc32", None)
        found[path.name] = documents
    return found


def read_run_whole(folder: Path) -> object:
    summarise_run(read_run(folder))
    if notes := read_extras(folder).notes:
        raise AnalogsimError("; ".join(notes))
    return None


@dataclass(frozen=True, kw_only=True)
class Page:
    """How a folder is made and read, its page built, and how many texts must reach that."""

    target: str
    reads: Callable[[Path], object]
    build: Callable[[Path], Path]
    least: int


PAGES = {
    "run": Page(target="run: page", reads=read_run_whole, build=build_report, least=20),
    "noise": Page(
        target="run: folder of noise", reads=read_noise,
        build=lambda folder: build_noise(folder)[1], least=5,
    ),
    "suite": Page(
        target="run: results.json", reads=lambda folder: read_kept(folder / "results.json"),
        build=lambda folder: build_suite(read_kept(folder / "results.json"), folder), least=5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_text_of_a_folder_becomes_a_script(tmp_path: Path, page: Page) -> None:
    TARGETS[page.target].make(tmp_path, None)
    content = read(tmp_path)
    every = sorted(set(texts([*content.values()])))
    for number, old in enumerate(every):
        changed = {name: replaced(one, old, EVIL.format(number)) for name, one in content.items()}
        written(tmp_path, changed)
        try:
            page.reads(tmp_path)
        except AnalogsimError:
            continue
        content = changed
    written(tmp_path, content)
    html = page.build(tmp_path).read_text()
    assert foreign(html) == []
    # Not lost, but shown.
    assert len({number for number in SHOWN.findall(html)}) >= page.least
    for drawing in tmp_path.rglob("*.svg"):
        assert foreign(drawing.read_text()) == [], drawing
