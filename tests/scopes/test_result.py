"""Averages by hand, and what cannot be read."""

import csv
import dataclasses
import io
import re
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.experiment.records import RECORDS_FILE, read_records
from analogsim.report.cells import plain_table
from analogsim.report.html import Section, render_sections
from analogsim.schema import dumps, loads
from analogsim.scopes.build import build_noise
from analogsim.scopes.chart import noise_charts
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.sheet import cell
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import format_noise
from analogsim.scopes.words import noise_sentences
from tests.experiment.small import run as run_chips
from tests.experiment.small import study as chips
from tests.scopes.small import run, study
from tests.scopes.toy import answered, toy


def test_the_draw_is_the_unit_of_an_average() -> None:
    found = toy().average("weights", "std", (0.05, 0.2))
    assert found is not None
    # Draw 0: (80 + 64) / 160, draw 1: (72 + 40) / 160.
    assert toy().units("weights", "std", (0.05, 0.2)).values == {0: 0.9, 1: 0.7}
    assert found.mean == pytest.approx(0.8)
    # Student's would reach below 0 and above 1 / 0.8.
    assert (found.low, found.high) == (0, 1.25)
    assert found.n == 2


def test_a_draw_that_lacks_a_level_is_in_no_average_over_it() -> None:
    result = toy({("weights", "std"): {0.05: [80, 72, 64], 0.2: [64, 40]}})
    assert sorted(result.units("weights", "std", (0.05, 0.2)).values) == [0, 1]
    assert sorted(result.units("weights", "std", (0.05,)).values) == [0, 1, 2]
    assert toy({("weights", "std"): {}}).average("weights", "std", (0.05,)) is None


def test_shares_of_nan() -> None:
    result = toy()
    assert result.nan_trials("variance", "std", 0.05) == (1, 2)
    assert result.nan_images("variance", "std", 0.05) == 0.5
    assert result.nan_trials("weights", "std", 0.05) == (0, 2)
    assert result.prediction("variance", "std", 0.05) == 0.25
    assert result.prediction("weights", "std", 0.05) == 0.0
    assert result.chance == pytest.approx(0.125)


def test_grids_that_are_the_same_are_named_once() -> None:
    assert toy().grids() == {"all": (0.05, 0.2), "low": (0.05,), "high": (0.2,)}
    assert toy(etas=(0.2, 0.3)).grids() == {"all": (0.2, 0.3)}


def test_the_summary_says_the_same() -> None:
    summary = loads(dumps(noise_summary(toy())))
    assert (summary["format"], summary["version"]) == ("analogsim-noise", 1)
    assert summary["clean"] == {"accuracy": 0.8, "n_correct": 80, "n_images": 100}
    (row,) = (r for r in summary["rows"] if (r["scope"], r["eta"]) == ("variance", 0.05))
    assert row["normalised"] == pytest.approx(0.55)
    assert row["accuracy"] == pytest.approx(0.44)
    assert (row["ci95_method"], row["ci95_new_images"]) == ("any law", None)
    assert (row["nan_draws"], row["nan_predicted"], row["draws"]) == (1, 0.25, 2)
    (mean,) = (a for a in summary["averages"] if (a["scope"], a["grid"]) == ("weights", "all"))
    assert mean["mean"] == pytest.approx(0.8)
    lines = list(csv.DictReader(io.StringIO(noise_charts(toy())[0].csv())))
    assert len(lines) == len(summary["rows"]) == 4
    assert float(lines[2]["normalised"]) == pytest.approx(0.55)


def test_the_summary_has_intervals_for_new_images_where_answers_are_known() -> None:
    rows = noise_summary(answered(toy()))["rows"]
    for row in rows:
        (low, high), (least, most) = row["ci95"], row["ci95_new_images"]
        assert least <= low <= row["normalised"] <= high <= most
    lines = list(csv.DictReader(io.StringIO(noise_charts(answered(toy()))[0].csv())))
    assert [float(one) for one in lines[0]["ci95_new_images"].split()] == rows[0]["ci95_new_images"]
    assert "[on new images]" in format_noise(answered(toy()))


def test_answers_of_the_records_are_those_of_the_counts(tmp_path: Path) -> None:
    run(tmp_path)
    result = read_noise(tmp_path)
    etas = result.etas
    units = result.units("weights", "std", etas)
    assert units.images is not None
    for draw, value in units.values.items():
        assert units.images[draw].mean() == pytest.approx(value, abs=1e-12)
    trials = read_records(tmp_path)
    assert all(trial.correct is not None for trial in trials)
    # One record without its answers: none of its scope and reference are used.
    lines = [
        (dataclasses.replace(t, correct=None) if at == 0 else t).to_json()
        for at, t in enumerate(trials)
    ]
    (tmp_path / RECORDS_FILE).write_text("\n".join([*lines, ""]))
    result = read_noise(tmp_path)
    assert result.units("weights", "std", etas).images is None
    assert result.units("weights", "max", etas).images is not None


def test_scopes_that_were_not_computed_twice_say_so() -> None:
    same = {**toy().same, "mean": "weights"}
    result = toy(scopes=("weights", "mean", "variance"), same=same)
    text = format_noise(result)
    assert "mean = weights  95.0  65.0" in text
    assert noise_summary(result)["scopes"]["mean"]["same_as"] == "weights"
    assert len(noise_summary(result)["rows"]) == 4


def test_the_table_by_hand() -> None:
    assert format_noise(toy(scopes=("weights", "variance"))) == (
        "m on 100 images of d: clean accuracy 80.00 %, 3 BatchNorm layers\n"
        "\n"
        "Normalised accuracy acc(eta) / acc(0) in %, sigma = eta * std(tensor)\n"
        "scope      5 %  20 %\n"
        "weights   95.0  65.0\n"
        "variance  55.0  10.0\n"
        "\n"
        "Average normalised accuracy in % (95 % interval over draws, on these images)\n"
        "scope     sigma of                     all                      low"
        "                    high\n"
        "weights   std       80.00 (0.00 to 125.00)  95.00 (31.47 to 125.00)"
        "  65.00 (0.00 to 125.00)\n"
        "variance  std       32.50 (3.75 to 110.71)   55.00 (5.10 to 116.44)"
        "  10.00 (1.59 to 106.74)\n"
        "all: eta 5, 20 %; low: eta 5 %; high: eta 20 %\n"
        "Where draws are NaN the interval holds for values of any distribution (Gaffke's bounds): "
        "draws of two kinds are not near normal, and few of them say little.\n"
        "\n"
        "Draws in which every output is NaN in %, scope variance, sigma of std\n"
        "                             5 %  20 %\n"
        "observed                      50   100\n"
        "predicted                     25    88\n"
        "smallest variance, in sigma   10   2.5\n"
        "Nearest to zero is bn1: running variance 0.25. Predicted: 1 - product over channels of "
        "Phi((variance + eps) / sigma). A draw has the same normals at every eta: observed shares "
        "are not independent across a row."
    )


def test_what_there_is_none_of_is_a_dash() -> None:
    assert cell(None) == "-"
    assert cell(toy({("weights", "std"): {0.05: [80]}}).average("weights", "std", (0.05,))) == (
        "100.00"
    )


def test_a_page_escapes_everything() -> None:
    table = plain_table(caption="<c>", head=["<h>", "n"], rows=[["<r>", "1"]], notes=("<n>",))
    page = render_sections("<t>", "<l>", ["<a>"], [Section(name="<s>", blocks=[table, "<p>"])])
    body = page.partition("</head>")[2]
    for text in "thclsrnpa":
        assert f"<{text}>" not in re.sub(r"<p>(?=&lt;)", "", body)
        assert f"&lt;{text}&gt;" in page
    assert "http" not in page.replace('http-equiv="Content', "")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_built(tmp_path: Path) -> None:
    run(tmp_path, study(question="Why <this>?"))
    result, page = build_noise(tmp_path)
    assert result.command == "analogsim noise zoo:digits_cnn --data digits -o out"
    text = page.read_text()
    assert "Why &lt;this&gt;?" in text
    assert "Average normalised accuracy" in text
    assert (tmp_path / "noise.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "charts" / "noise.png").read_bytes() == (tmp_path / "noise.png").read_bytes()
    answer = text.partition('class="answer"')[2].partition("</section>")[0]
    assert "Without noise the network is right on" in answer
    assert "told apart (Bonferroni)" in answer
    first = files(tmp_path)
    build_noise(tmp_path)
    assert first == files(tmp_path)


def test_what_is_no_noise_study_is_refused(tmp_path: Path) -> None:
    run_chips(tmp_path / "chips", chips(times_s=(1.0,), compensations=("none",)))
    with pytest.raises(InputError, match=r"kind must be 'noise', got None"):
        read_noise(tmp_path / "chips")
    run(tmp_path / "noise", study(scopes=("weights",), etas=(0.1,), draws=1))
    records = tmp_path / "noise" / RECORDS_FILE
    digest = read_noise(tmp_path / "noise").digest
    trial = read_records(tmp_path / "noise")[0]
    records.write_text(dataclasses.replace(trial, spec_digest="0" * 16).to_json() + "\n")
    with pytest.raises(InputError, match=rf"spec_digest must be {digest} .*, got {'0' * 16}"):
        read_noise(tmp_path / "noise")
    records.write_text(dataclasses.replace(trial, preset="another").to_json() + "\n")
    rule = "must hold trials of the levels that the header names, got 'another'"
    with pytest.raises(InputError, match=rf"records\.jsonl {rule}; restore the file"):
        read_noise(tmp_path / "noise")
    records.write_text("")
    with pytest.raises(InputError, match=r"must hold at least one finished trial, got none"):
        read_noise(tmp_path / "noise")


def test_scopes_of_one_mean_are_named_in_the_order_of_the_study() -> None:
    scopes = ("weights", "biases", "affine", "mean", "variance", "variance-clamped")
    equal = {(scope, "std"): {0.05: [80, 80], 0.2: [80, 80]} for scope in scopes}
    result = toy(
        equal | {("folded", "std"): {0.05: [80, 72], 0.2: [64, 40]}}, scopes=(*scopes, "folded")
    )
    (said,) = [text for text in noise_sentences(result) if "Between them: " in text]
    named = re.findall(r"([a-z-]+) 100\.00", said.partition("Between them: ")[2])
    assert named == [*scopes[1:]]
