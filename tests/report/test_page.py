"""The page: one file, complete, escaped, and readable without its colours."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analogsim.experiment.layers_file import write_layers
from analogsim.experiment.records import Trial
from analogsim.report import build_report
from analogsim.report.chart_list import charts_of
from analogsim.report.extras import read_extras
from analogsim.report.page import render_page
from analogsim.report.summary import read_run, summarise_run
from tests.report.full_folder import layers_file, write_full
from tests.report.run_folder import (
    COVERAGE,
    DIGEST,
    YEAR,
    drifting,
    make_header,
    make_trial,
    write_run,
)

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Outline(HTMLParser):
    """Checks that tags nest; collects tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page(folder: Path, trials: list[Trial], **header: object) -> str:
    return build_report(write_run(folder, trials, **header)).read_text(encoding="utf-8")


def undrawn(folder: Path, trials: list[Trial], **header: object) -> str:
    """The page with empty drawings, in a tenth of the time."""
    return undrawn_of(write_run(folder, trials, **header))


def undrawn_of(folder: Path) -> str:
    run = read_run(folder)
    summary, extras = summarise_run(run), read_extras(folder)
    charts = charts_of(run, summary, extras)
    empty = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
    return render_page(run, summary, extras, charts, dict.fromkeys((c.name for c in charts), empty))


def test_the_answer_says_who_computes(tmp_path: Path) -> None:
    said = undrawn(tmp_path / "a", drifting(), coverage=COVERAGE)
    answer = said.partition('<h2 id="answer">')[2].partition("</section>")[0]
    assert "Computed: 75.0 % of the multiply-adds on tiles; digital: 25.0 % &lt;b&gt;" in answer
    assert "Computed:" in Outline(said).text.partition("Accuracy over time")[0]
    assert "multiply-adds" not in undrawn(tmp_path / "b", drifting())


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(tmp_path_factory.mktemp("usual"), drifting())


def test_the_page_needs_nothing_beside_it(usual: str) -> None:
    outline = Outline(usual)
    assert not {"link", "iframe", "object", "img"} & {tag for tag, _ in outline.tags}
    for tag, attributes in outline.tags:
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            # A place in the page, data in the page, or a file of the run's folder.
            target = attributes.get(name) or "#"
            assert re.match(r"#|data:|charts/[\w.]+$|records\.(csv|jsonl)$", target), (tag, target)
        assert not [name for name in attributes if name.startswith("on")]
    assert "@import" not in usual
    assert not re.search(r"url\((?!#)", usual)


def test_the_page_is_accessible(usual: str) -> None:
    tags = Outline(usual).tags
    assert ("html", {"lang": "en"}) in tags
    headings = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(headings, headings[1:], strict=False))
    tables = [tag for tag, _ in tags if tag == "table"]
    assert len(tables) == 4
    assert [tag for tag, _ in tags].count("caption") == 4
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    drawings = [a for tag, a in tags if tag == "svg" and "aria-hidden" not in a]
    assert len(drawings) == 4
    assert all(drawing["role"] == "img" for drawing in drawings)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "prefers-color-scheme: dark" in usual
    assert "@media print" in usual
    assert "width=device-width" in usual


def test_the_drawing_follows_the_colours_of_the_page(usual: str) -> None:
    drawing = usual[usual.index("<svg") : usual.index("</svg>")]
    assert "currentColor" in drawing
    assert "#1f2328" not in drawing
    assert "<?xml" not in usual
    # Its rule for all elements must not reach the page.
    assert '<style type="text/css">.plot *{' in drawing


@pytest.mark.parametrize(
    "said",
    [
        "How long does digits_cnn keep its accuracy on PCM?",
        "The digital network is right on 97.50 % of 360 images.", "intervals over 5 chips",
        "1 of 2 layers compute on analog tiles.", "normalisation has no matrix product", "0.0612",
        "16 × 1 × 3 × 3", "1.76 %", "@inproceedings{nandakumar2019,",
        "10.1109/ICECS46596.2019.8964852", "10.1038/s41467-023-40770-4",
        "This folder has no layers.json", "read noise per product", "out_noise",
        "g(t) = gprog ((t + t0) / t0)\u2212\u03bd", "Nandakumar et al., ICECS 2019",
        "0 s and later", "On these images they are over chips (Student's t)",
        "one draw of it is made at each time",
        "Input ranges were calibrated on 256 training images.",
        "analogsim drift zoo:digits_cnn --preset pcm --chips 5 -o out/d1", "5, numbers 0 to 4",
        "2.12.0", DIGEST, 'presets = ["pcm"]', "Okabe and Ito", "mean 0.306, std 0.377",
    ],
)  # fmt: skip
def test_the_page_says(usual: str, said: str) -> None:
    assert said in " ".join(Outline(usual).text.split())


def test_every_row_is_in_the_table(usual: str) -> None:
    body = usual[usual.index("Results table") : usual.index("Differences</h3>")]
    assert body.count("<tr>") == 1 + 1 + 10
    for label in ("1 s", "1 h", "1 d", "30 d", "1 y"):
        assert body.count(f">{label}<") == 2


HOSTILE = '<script>alert("1")</script><img src=x onerror=y>'


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    header = make_header()
    html = page(
        tmp_path,
        [make_trial(preset=HOSTILE, compensation=HOSTILE, bn=HOSTILE, versions={HOSTILE: HOSTILE})],
        question=HOSTILE,
        model=HOSTILE,
        data=HOSTILE,
        command=HOSTILE,
        normalisation=HOSTILE,
        spec={HOSTILE: [HOSTILE]},
        versions={HOSTILE: HOSTILE},
        notes=[HOSTILE],
        layers=[{**header.layers[0], "name": HOSTILE, "kind": HOSTILE, "why": HOSTILE}],
        devices=[{**header.devices[0], "preset": HOSTILE, "law": HOSTILE, "title": HOSTILE}],
        periphery={HOSTILE: HOSTILE, "list": [HOSTILE], "not_modelled": [HOSTILE]},
    )
    outline = Outline(html)
    assert "img" not in {tag for tag, _ in outline.tags}
    assert html.count("<script") == 1
    # Title, heading, two of the model's line, ..., each of them still readable.
    assert outline.text.count("<script>alert(") >= 20


def test_a_name_that_is_no_text_does_not_stop_the_report(tmp_path: Path) -> None:
    # What Python makes of a file name that is not UTF-8.
    html = page(tmp_path, [make_trial()], model="net\udcff.py:make")
    assert "net?.py:make" in html


@pytest.mark.parametrize(
    ("trials", "note"),
    [
        ([make_trial()], "Rows with one chip have no interval"),
        ([make_trial(tile="cpp")], "C++ tile: its forward noise cannot be seeded"),
        (
            drifting(compensations=("none", "global", "exact", "gain", "column"), chips=2),
            "picked after the",
        ),
    ],
    ids=["one-chip", "cpp", "many-curves"],
)
def test_notes_are_there_when_they_apply(
    tmp_path: Path, usual: str, trials: list[Trial], note: str
) -> None:
    assert note in undrawn(tmp_path, trials)
    assert note not in usual


def test_a_run_without_layers_or_losses_reads_well(tmp_path: Path) -> None:
    html = undrawn(tmp_path, [make_trial()], layers=[], devices=[], periphery={"not_modelled": []})
    assert "nothing of these settings is left out" in html
    assert "Layers table" not in html
    Outline(html)


def test_the_words_of_the_accuracy_chart_have_its_numbers(usual: str) -> None:
    summary = usual[usual.index('aria-label="Accuracy over time.') :][:2000]
    trials = drifting()
    last = [t.accuracy for t in trials if t.compensation == "global" and t.t_s == YEAR]
    assert "Digital network: 97.50 %." in summary
    assert f"{100 * sum(last) / len(last):.2f} % (" in summary
    assert "at 30 d" in summary


def test_the_embedded_csv_is_the_file(tmp_path: Path) -> None:
    html = page(tmp_path, drifting())
    for name in ("accuracy", "spread", "yield", "layers"):
        link = re.search(
            rf'download="{name}.csv" href="data:text/csv;charset=utf-8;base64,(.*?)"', html
        )
        assert link is not None
        content = base64.b64decode(link[1])
        assert content == (tmp_path / "charts" / f"{name}.csv").read_bytes()


def test_large_tables_stay_out_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analogsim.report.html.LARGEST_DATA", 300)
    html = undrawn(tmp_path, drifting())
    assert "beside this page (too large to be in it)" in html
    assert 'download="records.csv"' not in html
    assert 'href="records.csv"' in html


def test_everything_that_lies_in_the_folder_is_shown(tmp_path: Path) -> None:
    text = " ".join(Outline(undrawn_of(write_full(tmp_path))).text.split())
    for said in (
        "pcm costs 1.00 points at 86400 s.",
        "BatchNorm policies side by side",
        "What each source and layer costs",
        "+1.23 (+0.83 to +1.63)",
        "+4.56 (+4.16 to +4.96)",
        "+3.21 (+2.81 to +3.61)",
        'question = "Why?"',
        "Left: relative weight error on chip 0. Dots: as programmed. Squares: after 1 d, global",
        "g_max = 25 µS",
        "Error, 1 d, globalFactorFactor needed",
        "0.141.51.6",
        "Factor: what drift compensation multiplies a layer’s signal with on chip 0 after 1 d",
        "10.1038/s41586-022-04992-8",
    ):
        assert said in text, said
    # A line a preset; what a comparison says of each time stands in its own section.
    answer = text[text.index("Answer") : text.index("Accuracy over time")]
    assert "After 2 d pcm costs" in answer
    assert "After 2 d rram costs" in answer


def test_a_compensation_that_misleads_stands_in_the_notes(tmp_path: Path) -> None:
    folder = write_full(tmp_path)
    write_layers(folder, layers_file("pcm", factor=1.8))
    text = " ".join(Outline(undrawn_of(folder)).text.split())
    notes = text[text.index("Notes") :]
    assert "Warning: compensation 'global' misleads on pcm at 1 s and 1 d: in 2 of 2" in notes
    assert "misleads" not in Outline(undrawn_of(write_full(tmp_path / "right"))).text


def test_the_policy_allows_this_script_and_no_other(usual: str) -> None:
    script = usual[usual.index("<script>") + 8 : usual.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}';" in usual
    assert "unsafe-eval" not in usual
