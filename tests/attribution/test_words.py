"""Sentences, table and figure, from made numbers."""

import copy

import matplotlib as mpl
import pytest

from analogsim.attribution.cost import counted, lasting, rough
from analogsim.attribution.words import sentences
from analogsim.report.attribution import Loss
from analogsim.report.attribution_chart import MOST_ROWS, draw_attribution
from analogsim.report.attribution_table import format_attribution
from analogsim.report.look import ONE_COLUMN, TWO_COLUMNS, settings

DAY = 86400.0


def est(mean, low=None, high=None, n=4, new=None):
    p = None if low is None or low == high else 0.5 if low <= 0 <= high else 0.001
    return {"mean": mean, "low": low, "high": high, "n_chips": n, "p": p, "new_images": new}


def row(kind, name, mode, loss, low=None, high=None, **changes):
    fields = {
        "kind": kind, "name": name, "title": name, "mode": mode, "t_s": DAY, "loss": loss,
        "low": low, "high": high, "n_chips": 4, "n_images": 100, "same_for_every_chip": False,
        "why": "", "p": est(loss, low, high)["p"], "new_images": None,
    }  # fmt: skip
    return fields | changes


WHY = {"loss": None, "n_chips": 0, "n_images": 0, "why": "the range is the unit"}
RESULT = {
    "format": "analogsim-attribution", "version": 1, "question": "?", "command": "", "model": "net",
    "data": "digits", "preset": "pcm", "compensation": "global", "seed": 0, "chips": 4,
    "n_images": 100, "digital_accuracy": 0.99,
    "whole": [{
        "t_s": DAY, "accuracy": est(0.95, 0.94, 0.96),
        "loss": est(0.04, 0.03, 0.05, new=[-0.01, 0.09]),
        "same_for_every_chip": False, "accuracy_all_off": 0.99,
        "sum_of_sources": est(0.03, 0.02, 0.04), "interaction_of_sources": est(0.01, 0.0, 0.02),
        "sum_of_layers": None, "interaction_of_layers": None,
    }],
    "rows": [
        row("source", "drift", "alone", 0.03, 0.02, 0.04, new_images=[0.01, 0.05]),
        row("source", "drift", "without", 0.02, -0.01, 0.05),
        row("source", "dac", "alone", 0.01, 0.01, 0.01, same_for_every_chip=True),
        row("source", "dac", "without", 0.0, n_chips=1),
        row("source", "input-range", "alone", 0.0, 0.0, 0.0, same_for_every_chip=True),
        row("source", "input-range", "without", 0.0) | WHY,
        row("layer", "conv1", "alone", 0.02, 0.01, 0.03),
        row("layer", "conv1", "without", 0.015, 0.005, 0.025),
        row("layer", "fc", "alone", 0.001, -0.001, 0.003, n_images=20),
        row("layer", "fc", "without", -0.001, -0.003, 0.001, n_images=20),
    ],
    "suggestion": {
        "t_s": DAY, "asked": "the fewest layers that recover 50 % of the loss",
        "keep_digital": ["conv1"], "option": "--keep-digital conv1", "reached": False,
        "predicted": est(0.015, 0.005, 0.025), "weights_share": 0.123, "macs_share": 0.456,
        "verification": {
            "first_chip": 4, "last_chip": 7, "loss": est(0.04, 0.02, 0.06),
            "gain": est(0.01, 0.002, 0.018), "accuracy": est(0.95), "accuracy_kept": est(0.96),
        },
    },
    "no_suggestion": "", "sentences": [], "spec": {}, "versions": {}, "coverage": None,
}  # fmt: skip


def test_sentences():
    said = sentences(RESULT)
    assert said[:5] == [
        "After 1 d, pcm costs net +4.00 (+3.00 to +5.00; new images -1.00 to +9.00) points "
        "of accuracy on these 100 images, which for new images may be 0: 95.00 % on 4 "
        "chips, 99.00 % in digital.",
        "With one source on alone, on these 100 images, the cost in points is: drift +3.00 (+2.00 "
        "to +4.00), dac +1.00 (the same for every chip); not distinguishable from 0: input-range "
        "(Holm's rule over 1; one by one, 0.05 would leave out 0 by chance).",
        "With one source off, on these 100 images, no gain is distinguishable from 0: drift; one "
        "chip gives no interval, 5 give one: dac (Holm's rule over 1; one by one, 0.05 would leave "
        "out 0 by chance).",
        "With one layer on alone, on these 100 images, the cost in points is: conv1 +2.00 (+1.00 "
        "to +3.00); not distinguishable from 0: fc (20 images) (Holm's rule over 2; one by one, "
        "0.1 would leave out 0 by chance).",
        "With one layer kept digital, on these 100 images, the gain in points is: conv1 +1.50 "
        "(+0.50 to +2.50); not distinguishable from 0: fc (20 images) (Holm's rule over 2; one by "
        "one, 0.1 would leave out 0 by chance).",
    ]
    assert said[5] == (
        "The losses of the sources alone add up to +3.00 (+2.00 to +4.00) points; all together "
        "cost +1.00 (0.00 to +2.00) points beyond that sum, which is not distinguishable from 0."
    )
    assert said[6] == (
        "Asked for the fewest layers that recover 50 % of the loss: keep conv1 digital "
        "(--keep-digital conv1); 12.3 % of the analog weights and 45.6 % of their products are "
        "then digital. No more layers gain accuracy one by one, and these fall short of what was "
        "asked."
    )
    assert said[7] == (
        "Kept digital alone, conv1 gains accuracy for sure (Holm's rule over 2; one by one, 0.1 "
        "would leave out 0 by chance)."
    )
    assert said[8] == (
        "Predicted gain: +1.50 (+0.50 to +2.50) points. Measured on fresh chips (4 to 7): +1.00 "
        "(+0.20 to +1.80) points, 25 % of their loss of 4.00."
    )
    assert "95 %" in said[9]
    assert "honest number" in said[9]
    assert len(said) == 10


def test_what_does_not_survive_its_list_is_called_no_cost():
    result = copy.deepcopy(RESULT)
    for one in result["rows"]:
        if one["name"] == "conv1":
            one["p"] = 0.04  # by itself enough, of two not
    said = sentences(result)
    assert "With one layer on alone, on these 100 images, no cost is distinguishable" in said[3]
    assert said[7].startswith("Kept digital alone, none of them gains accuracy for sure (Holm's")
    assert said[7].endswith("; conv1 may be chance: the fresh chips decide.")
    # The interval of the row is its own, as before.
    assert "conv1" in format_attribution(result)
    assert "+2.00 (+1.00, +3.00)" in format_attribution(result)


def test_a_verified_gain_may_be_chance():
    result = copy.deepcopy(RESULT)
    result["suggestion"]["verification"]["gain"] = est(0.01, -0.002, 0.022)
    assert sentences(result)[8].endswith(
        "25 % of their loss of 4.00, which is not distinguishable from 0."
    )


def test_a_suggestion_that_fails_says_so():
    result = copy.deepcopy(RESULT)
    result["suggestion"]["verification"]["gain"] = est(-0.01, -0.02, 0.0)
    assert (
        "-1.00 (-2.00 to 0.00) points: there the suggestion recovers nothing."
        in sentences(result)[8]
    )


def test_no_suggestion_and_doubt():
    result = copy.deepcopy(RESULT) | {"suggestion": None, "no_suggestion": "all is well"}
    result["whole"][0]["loss"] = est(0.01, -0.01, 0.03)
    said = sentences(result)
    assert "on these 100 images, which is not distinguishable from 0: 95.00 %" in said[0]
    assert "No layers are suggested: all is well." in said
    result["whole"][0]["loss"] = est(0.01, n=1)
    result["chips"] = 1
    assert (
        "+1.00 (one chip, so no interval) points of accuracy on these 100 images: 95.00 % on 1 "
        "chip," in (sentences(result)[0])
    )


def test_table():
    shown = format_attribution(RESULT | {"sentences": ["said"]})
    assert max(map(len, shown.splitlines())) <= 80
    assert "alone: everything else off; without: what switching it off gains" in shown
    assert (
        "in brackets: 95 % over chips, on these images, and below it for new images; each by "
        "itself: of 6 on these images about 0.3 leave out 0 by chance"
    ) in " ".join(shown.split())
    assert "after 1 d: chips 95.00 %, loss +4.00 (+3.00, +5.00); every source off: 99.00 %" in shown
    lines = shown.splitlines()
    words = [" ".join(line.split()) for line in lines]
    assert "drift +3.00 (+2.00, +4.00) +2.00 (-1.00, +5.00)" in words
    assert "new images (+1.00, +5.00)" in words
    assert "new images: loss (-1.00, +9.00)" in words
    assert "dac +1.00 (every chip) 0.00" in words
    assert "input-range 0.00 (every chip) [1]" in words
    assert "[1] the range is the unit" in words
    assert "sum of these +3.00 (+2.00, +4.00)" in words
    assert "the whole beyond +1.00 (0.00, +2.00)" in words
    # Numbers of a column end below each other.
    of = [line for line in lines if line.startswith(("drift", "sum of these", "the whole beyond"))]
    assert len({line.index(")") for line in of}) == 1
    assert any(line.startswith("fc (20 images)  ") for line in lines)
    assert lines[-1] == "said"


def drawn(rows, look=TWO_COLUMNS):
    known = [one for one in rows if one["loss"] is not None]
    losses = [Loss(**{key: one[key] for key in Loss.__dataclass_fields__}) for one in known]
    with mpl.rc_context(settings(look)):
        return draw_attribution(losses, "net on pcm", look)


def test_figure():
    figure = drawn(RESULT["rows"])
    sources, layers = figure.axes
    assert [t.get_text() for t in sources.get_yticklabels()] == ["drift", "dac", "input-range"]
    assert [t.get_text() for t in layers.get_yticklabels()] == ["conv1", "fc"]
    widths = [patch.get_width() for patch in sources.patches]
    assert widths == pytest.approx([3.0, 1.0, 0.0, 2.0, 0.0])
    many = [row("layer", f"l{n}", "alone", n / 1000, 0, 1) for n in range(MOST_ROWS + 5)]
    many += [row("source", f"s{n}", "alone", n / 1000, 0, 1) for n in range(14)]
    one_column = drawn(many, ONE_COLUMN)
    # What a journal's page has for text.
    assert one_column.get_size_inches()[1] < 9.5
    assert len(one_column.axes[1].get_yticklabels()) == 20
    _, only = drawn(many).axes
    names = [t.get_text() for t in only.get_yticklabels()]
    assert names == [f"l{n}" for n in range(5, MOST_ROWS + 5)]


def test_cost_in_words():
    assert counted(30, 500, 0, 0) == "at most 30 evaluations of 500 images"
    assert counted(30, 500, 12, 64) == (
        "at most 30 evaluations of 500 images (12 of them of 64 images only)"
    )
    assert lasting(0.5, 40.0) == "one takes 0.5 s: about 40 s in all"
    assert lasting(0.5, 61.0).endswith("61 s in all; --limit, --chips, --layers or --screen "
                                       "make it shorter")  # fmt: skip
    assert [rough(s) for s in (3, 600, 7200)] == ["3 s", "10 min", "2.0 h"]
