"""What a page does under the pointer and the keys, and where its parts lie, in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest

from analogsim.report import build_report
from tests.report.browsing import NARROW, VERY_WIDE, needs_browser, opened
from tests.report.test_sweep import both

pytestmark = needs_browser

_BOXES = """() => [...document.querySelectorAll(
  "header, .answer, nav, .section, .beside > div, .charts > figure")]
  .filter((e) => e.checkVisibility())
  .map((e) => ({ name: e.tagName + "." + e.className + " " + e.innerText.slice(0, 30),
    box: e.getBoundingClientRect().toJSON(),
    path: (() => { const p = []; for (let o = e; o; o = o.parentElement) p.push(o.dataset.n ??=
      String(window.n = (window.n ?? 0) + 1)); return p; })() }))"""


UNDER = (
    # What is under the pointer in the middle of a marker.
    "e => { const b = e.getBoundingClientRect();"
    " const hit = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);"
    " return hit?.closest('use')?.querySelector('title')?.textContent ?? ''; }"
)


def overlapping(page: Any) -> list[tuple[str, str]]:
    """Parts that lie on each other and in none of each other."""
    boxes = page.evaluate(_BOXES)
    found = []
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            if one["path"][0] in other["path"] or other["path"][0] in one["path"]:
                continue
            a, b = one["box"], other["box"]
            across = min(a["right"], b["right"]) - max(a["left"], b["left"])
            down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
            if across > 1 and down > 1:
                found.append((one["name"], other["name"]))
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, VERY_WIDE])
def test_no_part_lies_on_another(
    browser: Any, reports: dict[str, Path], width: int, scheme: str
) -> None:
    for name in ("full", "noise", "suite"):
        page = opened(browser, reports[name], width=width, scheme=scheme).page
        assert overlapping(page) == [], name


def test_an_overlap_would_be_found(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["usual"], width=VERY_WIDE).page
    page.evaluate("document.querySelector('nav').style.left = '600px'")
    assert overlapping(page)


@pytest.mark.parametrize("name", ["full", "usual", "bare", "noise"])
def test_the_answer_is_seen_without_scrolling(
    browser: Any, reports: dict[str, Path], name: str
) -> None:
    page = opened(browser, reports[name], width=VERY_WIDE).page
    box = page.locator(".answer").bounding_box()
    assert box["y"] + box["height"] <= 900


def test_a_marker_says_the_number_of_the_table(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["usual"], width=VERY_WIDE).page
    rows = page.locator("table").first.locator("tbody tr").all()[1:]
    shown = [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]
    markers = page.locator("svg.plot").first.locator("use:has(> title)").all()
    assert len(markers) == len(shown) == 6
    for marker, (_, time, kind, mean, interval, *_) in zip(markers, shown, strict=True):
        marker.scroll_into_view_if_needed()
        said = marker.evaluate(UNDER)
        kind = "no" if kind == "none" else kind
        assert said == f"{kind} compensation, {time}: {mean} % ({interval} over 3 chips)"


def test_an_entry_of_the_legend_hides_its_series(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["usual"]).page
    entry = page.locator(".legend").first.locator("button").first
    markers = page.locator("svg.plot").first.locator("use:has(> title)")
    of = [text for text in markers.locator("title").all_text_contents()]
    assert entry.inner_text() == "no compensation"
    n_own = sum(text.startswith("no compensation") for text in of)
    assert (n_own, len(of)) == (3, 6)

    def visible() -> int:
        return sum(
            one.evaluate("e => e.getBoundingClientRect().width > 0") for one in markers.all()
        )

    assert (entry.get_attribute("aria-pressed"), visible()) == ("true", 6)
    entry.click()
    assert (entry.get_attribute("aria-pressed"), visible()) == ("false", 3)
    # The focus is on it: the keys bring the series back.
    page.keyboard.press("Space")
    assert (entry.get_attribute("aria-pressed"), visible()) == ("true", 6)


@pytest.mark.parametrize("width", [NARROW, VERY_WIDE])
def test_the_index_reaches_every_section(
    browser: Any, reports: dict[str, Path], width: int
) -> None:
    page = opened(browser, reports["full"], width=width).page
    # Without smooth scrolling, whose time depends on the machine.
    page.emulate_media(reduced_motion="reduce")
    links = page.locator("nav a").all()
    assert len(links) > 8
    for link in links:
        target = page.locator(re.sub("^#", "[id='", link.get_attribute("href")) + "']")
        link.focus()
        page.keyboard.press("Enter")
        # A folded section is opened after the event.
        target.evaluate("e => new Promise(done => setTimeout(done, 50))")
        box = target.bounding_box()
        assert 0 <= box["y"] <= 900, link.inner_text()
        assert target.evaluate("e => e.closest('details')?.open ?? true"), link.inner_text()


def test_less_motion_is_none(browser: Any, reports: dict[str, Path]) -> None:
    page = opened(browser, reports["bare"]).page
    style = "getComputedStyle(document.documentElement).scrollBehavior"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(style) == "auto"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(style) == "smooth"


def test_a_map_says_the_value_of_the_cell_under_the_pointer(
    browser: Any, reports: dict[str, Path]
) -> None:
    page = opened(browser, reports["full"]).page
    map_ = page.locator("[data-cells]").first
    image = map_.locator("image")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    values = [[1.0, -0.5, 0.0], [0.25, -1.0, 0.75]]
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            # Off the middle of each of 2 by 3 cells.
            x, y = (column + 0.3) / 3, (row + 0.7) / 2
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            said = f"conv1, wanted, output {row}, input {column}: {value:.2f} of g_max"
            assert map_.locator("title").text_content() == said


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ("weight_errors", r", error -1 to 0: 37.5 %$"),
        ("yield", r"^\d\d\.\d\d %: [\d.]+ % of \d+ chips$"),
        ("devices", r", target 1, 1 d: 12.5 uS \(10 to 15\)$"),
    ],
)
def test_what_has_no_markers_says_its_numbers_too(
    browser: Any, reports: dict[str, Path], chart: str, said: str
) -> None:
    page = opened(browser, reports["full"]).page
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    markers = page.locator(f"use[*|href^='#{chart}-']:has(> title)").all()
    found = [one for one in markers if re.search(said, one.locator("title").text_content())]
    assert found
    found[0].scroll_into_view_if_needed()
    # Or the equal number of another series, which lies on it.
    assert any(re.search(said, one.evaluate(UNDER)) for one in found)


def test_each_cell_of_a_sweeps_map_says_its_interval(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, build_report(both(tmp_path))).page
    drawing = page.locator("svg.plot").first
    cells = drawing.locator("use:has(> title)").all()
    # Five numbers of bits, two sizes, two times.
    assert len(cells) == 20
    said = [cell.evaluate(UNDER) for cell in cells if cell.scroll_into_view_if_needed() is None]
    texts = [cell.locator("title").text_content() for cell in cells]
    assert said == texts
    assert re.match(r"pcm, global compensation, 1 \w+, adc_bits 8, max_input_size 128: ", said[0])
