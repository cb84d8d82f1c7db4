"""The page in a real browser: it renders, sorts, prints, and is accessible."""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.report.browsing import NARROW, PAPER, VERY_WIDE, WIDE, needs_browser, opened

pytestmark = needs_browser


@pytest.mark.parametrize("name", ["full", "usual", "bare", "noise", "suite"])
def test_it_renders_without_error_and_asks_no_network(
    browser: Any, reports: dict[str, Path], name: str
) -> None:
    seen = opened(browser, reports[name])
    assert seen.page.locator("h1").inner_text()
    # What is folded has no size until it is opened.
    seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for drawing in seen.page.locator("svg.plot").all():
        box = drawing.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 60
    assert seen.console == []
    outside = [url for url in seen.requests if not url.startswith("data:")]
    assert outside == [reports[name].as_uri()]


def test_one_file_alone_is_the_report(
    browser: Any, reports: dict[str, Path], tmp_path: Path
) -> None:
    alone = tmp_path / "alone.html"
    shutil.copy(reports["full"], alone)
    seen = opened(browser, alone)
    assert seen.console == []
    assert seen.page.locator("svg.plot").count() == 11
    with seen.page.expect_download() as waiting:
        seen.page.get_by_role("link", name="accuracy.csv", exact=True).click()
    got = Path(waiting.value.path()).read_bytes()
    assert got == (reports["full"].parent / "charts" / "accuracy.csv").read_bytes()
    assert waiting.value.suggested_filename == "accuracy.csv"


def column(page: Any, table: int, place: int) -> list[str]:
    rows = page.locator("table").nth(table).locator("tbody tr").all()
    return [row.locator("th, td").nth(place).inner_text() for row in rows]


def test_tables_sort_by_click_with_empty_cells_last(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["usual"]).page
    heads = page.locator("table").first.locator("thead th")
    # Preset, time, compensation, accuracy; the digital network has no time.
    place = [head.inner_text() for head in heads.all()].index("Time")
    assert column(page, 0, place)[0] == "–"
    heads.nth(place).get_by_role("button").click()
    assert heads.nth(place).get_attribute("aria-sort") == "ascending"
    # Three chips in each of two curves: times in order of seconds, not of letters.
    times = ["1 s", "1 s", "1 min", "1 min", "1 h", "1 h"]
    assert column(page, 0, place) == [*times, "–"]
    heads.nth(place).get_by_role("button").click()
    assert heads.nth(place).get_attribute("aria-sort") == "descending"
    assert column(page, 0, place) == [*reversed(times), "–"]


def test_tables_sort_by_keyboard(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["usual"]).page
    heads = page.locator("table").first.locator("thead th")
    names = [head.inner_text() for head in heads.all()]
    accuracy = names.index("Accuracy")
    heads.nth(accuracy - 1).get_by_role("button").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert heads.nth(accuracy).get_attribute("aria-sort") == "ascending"
    rising = [float(text) for text in column(page, 0, accuracy)]
    assert rising == sorted(rising)
    page.keyboard.press("Space")
    assert heads.nth(accuracy).get_attribute("aria-sort") == "descending"
    assert [float(text) for text in column(page, 0, accuracy)] == rising[::-1]
    # Another column takes the mark away.
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert heads.nth(accuracy).get_attribute("aria-sort") is None


def test_the_first_key_leads_to_the_answer(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["usual"]).page
    page.keyboard.press("Tab")
    link = page.locator(":focus")
    assert link.inner_text() == "Skip to the answer"
    assert link.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE, VERY_WIDE])
def test_no_page_scrolls_sideways(
    browser: Any, reports: dict[str, Path], width: int, scheme: str
) -> None:
    for name in ("full", "noise", "suite"):
        page = opened(browser, reports[name], width=width, scheme=scheme).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2) of `rgb(r, g, b)`."""
    parts = [int(text) / 255 for text in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawings_have_the_ink_of_the_page(
    browser: Any, reports: dict[str, Path], scheme: str
) -> None:
    page = opened(browser, reports["usual"], scheme=scheme).page
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.evaluate("getComputedStyle(document.querySelector('.plot text')).fill")
    low, high = sorted([luminance(paper), luminance(ink)])
    assert (high + 0.05) / (low + 0.05) > 7
    assert (luminance(paper) > luminance(ink)) == (scheme == "light")


def test_in_print_it_is_black_on_white_and_nothing_is_cut_off(
    browser: Any, reports: dict[str, Path]
) -> None:
    seen = opened(browser, reports["full"], width=PAPER, scheme="dark")
    seen.page.emulate_media(media="print", color_scheme="dark")
    style = "getComputedStyle(document.body)"
    assert seen.page.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
    assert seen.page.evaluate(f"{style}.color") == "rgb(0, 0, 0)"
    assert not seen.page.locator("nav").is_visible()
    assert not seen.page.locator(".copy").first.is_visible()
    for folded in seen.page.locator("details").all():
        assert folded.get_attribute("open") is None
        # All of it but the buttons that copy, which print leaves out.
        hidden = folded.evaluate(
            "e => [...e.children].filter(c => !c.matches('.copy, .files') && !c.checkVisibility())"
            ".map(c => c.outerHTML)"
        )
        assert hidden == []
    for region in seen.page.locator(".scroll").all():
        assert region.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), region.inner_text()
    assert seen.page.pdf()[:5] == b"%PDF-"
    assert seen.console == []


def axe(page: Any) -> dict[str, Any]:
    """What axe-core finds with all its rules, inside of drawings apart: to a reader those are one
    picture with words (`role="img"`), and its thousand paths take axe ten seconds.

    The page's policy stays on: the driver's own calls are not under it, as those of the page's
    scripts are.
    """
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run({exclude: [['.plot > *']]})")
    assert len(found["passes"]) > 15
    return found


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("full", VERY_WIDE, "light"),
        ("full", NARROW, "dark"),
        ("bare", WIDE, "dark"),
        ("noise", NARROW, "light"),
        ("suite", NARROW, "dark"),
    ],
)
def test_axe_finds_nothing(
    browser: Any, reports: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    found = axe(opened(browser, reports[name], width=width, scheme=scheme).page)
    assert found["violations"] == [], json.dumps(found["violations"], indent=1)[:4000]


def test_axe_would_find_something(browser: Any, reports: dict[str, Path]) -> None:
    """Negative control: a picture without its words, a skipped level, words that are too pale."""
    page = opened(browser, reports["bare"]).page
    page.evaluate("document.querySelector('svg.plot').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('h3').outerHTML = '<h5>x</h5>'")
    page.evaluate("document.querySelector('.answer p').style.color = '#cccccc'")
    found = {rule["id"] for rule in axe(page)["violations"]}
    assert {"svg-img-alt", "heading-order", "color-contrast"} <= found


def test_the_policy_of_the_page_refuses_other_scripts(
    browser: Any, reports: dict[str, Path]
) -> None:
    """Negative control of the two tests on requests and scripts."""
    seen = opened(browser, reports["usual"])
    seen.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); const i = new Image(); i.src = 'https://example.com/x.png';"
        " document.body.append(i); }"
    )
    seen.page.wait_for_timeout(200)
    assert seen.page.evaluate("window.ran === undefined")
    refused = [text for text in seen.console if "Content Security Policy" in text]
    assert len(refused) == 2
