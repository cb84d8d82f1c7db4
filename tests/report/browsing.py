"""A page opened in Debian's chromium, driven by playwright without a browser of its own.

Who uses it is skipped, in words, where chromium or playwright is missing.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from analogsim.report import build_report
from analogsim.scopes.build import build_noise
from analogsim.suites.build import build_suite
from analogsim.suites.kept import read_kept
from tests.report.full_folder import write_full
from tests.report.run_folder import drifting, make_trial, write_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs chromium on the PATH (Debian: apt-get install chromium)"
    ),
]
# Two of 360 px would be a phone; 400 px is what is promised.
NARROW, WIDE, VERY_WIDE = 400, 1100, 1400
# What A4 has between the margins of the page's print style, in CSS pixels: (210 - 2 x 16) mm.
PAPER = 672


GOLDEN = Path(__file__).parents[1] / "golden"
RESULTS = Path(__file__).parents[2] / "experiments" / "results"


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@dataclass(kw_only=True)
class Seen:
    """A page that was opened, and what the browser said about it."""

    page: Any
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs the package playwright (pip install '.[dev]')"
    )
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    usual = write_run(folder / "usual", drifting(times=(1.0, 60.0, 3600.0), chips=3))
    bare = write_run(folder / "bare", [make_trial()], layers=[], devices=[])
    return {
        "full": build_report(write_full(folder / "full")),
        "usual": build_report(usual),
        "bare": build_report(bare),
        "noise": build_noise(Path(shutil.copytree(GOLDEN / "noise", folder / "noise")))[1],
        "suite": build_suite(read_kept(RESULTS / "bn_crossbar.json"), made(folder / "suite")),
    }


def opened(browser: Any, path: Path, *, width: int = WIDE, scheme: str = "light") -> Seen:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    context.set_default_timeout(60_000)
    seen = Seen(page=context.new_page())
    seen.page.on("console", lambda message: seen.console.append(message.text))
    seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(path.as_uri())
    return seen
