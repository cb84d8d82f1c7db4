"""With against without BatchNorm on chips: over chips of one training, and over trainings."""

import dataclasses
import math
import re
from typing import Any

from analogsim.experiment.deal import pack
from analogsim.report.cells import Table
from analogsim.suites.chips import chip_sheets, pair_sheets
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Arm, Entry
from analogsim.suites.words import chip_sentences
from tests.suites.test_kept import chips

T_1 = math.tan(math.pi * (0.975 - 0.5))
TIMES = (1.0, 60.0)


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def interval(mean: float, half: float) -> str:
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


def arm(
    which: Arm, seed: int | None, rights: list[list[int]], bn: str = "digital"
) -> tuple[Entry, CrossbarResult]:
    """So many images right of 100, at each time a number a chip; the digital network has 80."""
    cells = [("pcm", bn, "global", t_s) for t_s in TIMES[: len(rights)]]
    result = chips(
        correct={c: dict(enumerate(right)) for c, right in zip(cells, rights, strict=True)},
        nan=dict.fromkeys(cells, 0),
    )
    entry = Entry(label=f"{which}-{seed}", pair="P", arm=which, training_seed=seed)
    return entry, result


def test_one_training_has_chips_alone() -> None:
    networks = [arm("with", None, [[72, 64]]), arm("without", None, [[76, 80]], "none")]
    (sheet,) = pair_sheets(networks)
    assert "95 % interval over pairs of chips of one number" in sheet.caption
    # Chips: -4 / 80 and -16 / 80.
    assert texts(sheet) == [
        ["with-None - without-None", "digital", interval(-12.5, 100 * T_1 * 0.15 / 2)]
    ]


def test_several_trainings_are_the_unit_of_a_second_table() -> None:
    networks = [
        arm("with", 0, [[72, 64], [64, 64]]),
        arm("with", 1, [[80, 80], [72, 72]]),
        arm("without", 0, [[76, 80], [76, 76]], "none"),
        arm("without", 1, [[80, 72], [76, 76]], "none"),
        # No partner of this seed.
        arm("with", 2, [[0, 0], [0, 0]]),
    ]
    of_chips, of_seeds = pair_sheets(networks)
    assert [row[0] for row in texts(of_chips)] == ["with-0 - without-0", "with-1 - without-1"]
    assert "95 % interval over trainings, each the mean of its chips" in of_seeds.caption
    # Means of chips, 1 s: -12.5 and +5 points; 1 min: -15 and -5.
    cells = interval(-3.75, 100 * T_1 * 0.175 / 2), interval(-10, 100 * T_1 * 0.1 / 2)
    assert texts(of_seeds) == [["P, 2 trainings", "digital", *cells]]
    # The means of each arm have such a table, too: with 68, 80, 0 right on average.
    _, means = chip_sheets(networks)
    assert texts(means)[0][0] == "P, with, 3 trainings"
    assert texts(means)[0][2].startswith("49.33 (0.00 to ")
    assert [row[0] for row in texts(means)] == ["P, with, 3 trainings", "P, without, 2 trainings"]


def test_a_time_that_one_training_lacks_has_no_mean_over_trainings() -> None:
    networks = [
        arm("with", 0, [[72, 64], [64, 64]]),
        arm("with", 1, [[80, 80]]),
        arm("without", 0, [[76, 80], [76, 76]], "none"),
        arm("without", 1, [[80, 72], [76, 76]], "none"),
    ]
    _, of_seeds = pair_sheets(networks)
    assert texts(of_seeds)[0][3] == "-"


def narrow(which: Arm, seed: int | None, *rights: int) -> tuple[Entry, CrossbarResult]:
    return arm(which, seed, [list(rights)], "digital" if which == "with" else "none")


def test_the_sentence_names_units_images_and_trainings() -> None:
    networks = [narrow("with", None, 60, 61, 60, 61), narrow("without", None, 78, 78, 79, 79)]
    (said,) = chip_sentences(networks)
    assert said == (
        "with-None - without-None: BatchNorm costs a share of the digital accuracy in "
        "pcm/global/digital (1 s); gains one in no case; not told apart in no case. (Rule, at "
        "95 % over 4 pairs of chips of one training and these 100 images alone: the interval of "
        "with minus without leaves 0 out; by chance 0.1 of 1 would be told apart. With Holm's "
        "correction for all of them these remain: pcm/global/digital (1 s).) It is of one "
        "training: how another would come out, it does not say."
    )
    gains = [narrow("with", None, 79, 79), narrow("without", None, 60, 60)]
    assert "gains one in pcm/global/digital (1 s)" in chip_sentences(gains)[0]


def test_trainings_have_a_sentence_of_their_own() -> None:
    networks = [
        *(narrow("with", seed, 60 + seed, 61) for seed in range(3)),
        *(narrow("without", seed, 78, 79 - seed) for seed in range(3)),
    ]
    first, *each = chip_sentences(networks)
    assert len(each) == 3
    assert first.startswith(
        "P, 3 trainings: BatchNorm costs a share of the digital accuracy in pcm"
    )
    assert "over 3 trainings, each the mean of its chips and these 100 images alone" in first
    assert "It is of one training" not in first


def test_intervals_for_new_images_decide_where_answers_are_known() -> None:
    networks = [
        (entry, known(result))
        for entry, result in (narrow("with", None, 78, 78, 78), narrow("without", None, 80, 80, 80))
    ]
    # Two images of 80 on these, of which 100 say little about others.
    (sheet,) = pair_sheets(networks)
    assert re.fullmatch(r"-2\.50 \(-\S+ to -\S+\) \[-\S+ to \+\S+\]", texts(sheet)[0][2])
    (said,) = chip_sentences(networks)
    assert "not told apart in pcm/global/digital (1 s)" in said
    assert "and 100 images taken as a sample" in said
    assert "[on new images]" in chip_sheets(networks)[0].caption


def known(result: CrossbarResult) -> CrossbarResult:
    """With answers: wrong are the digital network's, and others here and there."""
    digital = [at % 5 != 0 for at in range(100)]
    answers: dict[Any, dict[int, str]] = {}
    for cell, chips_of in result.correct.items():
        for chip, right in chips_of.items():
            bits = list(digital)
            for at in range(80 - right):
                bits[(7 * at + 3 * chip + right) % 20 * 5 + 1] = False
            assert sum(bits) == right
            answers.setdefault(cell, {})[chip] = pack(bits)
    return dataclasses.replace(result, answers=answers, digital_correct=pack(digital))


def test_coverage_is_a_column() -> None:
    entry, result = narrow("with", None, 76, 77)
    (sheet,) = chip_sheets([(entry, dataclasses.replace(result, coverage=0.987))])
    assert (sheet.columns[2].name, texts(sheet)[0][2]) == ("on tiles", "98.7")
    (sheet,) = chip_sheets([(entry, result)])
    assert texts(sheet)[0][2] == "-"
