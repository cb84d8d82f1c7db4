"""With against without BatchNorm on chips: over chips of one training, and over trainings."""

import math

from analogsim.suites.chips import pair_sheets
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Arm, Entry
from tests.suites.test_kept import chips

T_1 = math.tan(math.pi * (0.975 - 0.5))
TIMES = (1.0, 60.0)


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
    assert sheet.rows == [
        ["with-None - without-None", "digital", f"-12.50 +- {100 * T_1 * 0.15 / 2:.2f}"]
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
    assert [row[0] for row in of_chips.rows] == ["with-0 - without-0", "with-1 - without-1"]
    assert "95 % interval over training seeds, each the mean of its chips" in of_seeds.caption
    # Means of chips, 1 s: -12.5 and +5 points; 1 min: -15 and -5.
    first, second = (f"{100 * T_1 * spread / 2:.2f}" for spread in (0.175, 0.1))
    assert of_seeds.rows == [["P, 2 seeds", "digital", f"-3.75 +- {first}", f"-10.00 +- {second}"]]


def test_a_time_that_one_training_lacks_has_no_mean_over_trainings() -> None:
    networks = [
        arm("with", 0, [[72, 64], [64, 64]]),
        arm("with", 1, [[80, 80]]),
        arm("without", 0, [[76, 80], [76, 76]], "none"),
        arm("without", 1, [[80, 72], [76, 76]], "none"),
    ]
    _, of_seeds = pair_sheets(networks)
    assert of_seeds.rows[0][3] == "-"
