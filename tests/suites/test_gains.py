"""What a network gains on the one it is held against, chip by chip."""

import math
import re
from typing import Any

import pytest

from analogsim.spec.file import parse_spec
from analogsim.suites.build import format_suite
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.gains import gain_sentences, gain_sheets, gains
from analogsim.suites.kept import Kept, read_kept, write_kept
from tests.suites.test_kept import chips

# Student's t at 97.5 % with one degree of freedom.
T_1 = math.tan(math.pi * (0.975 - 0.5))


def network(
    label: str, against: str | None, rows: dict[str, list[int]], clean: int = 80
) -> tuple[Entry, CrossbarResult]:
    """So many images right of 100 a chip, by treatment of BatchNorm, after a day."""
    cells = {("pcm", bn, "global", 86400.0): dict(enumerate(r)) for bn, r in rows.items()}
    result = chips(clean, correct=cells, nan=dict.fromkeys(cells, 0))
    return Entry(label=label, against=against), result


NETWORKS = [
    network("direct", None, {"digital": [60, 64], "recalibrate": [66, 66]}),
    network("hardened", "direct", {"digital": [70, 78]}, clean=79),
    network("bystander", None, {"digital": [1, 2]}),
]


def test_gains_are_of_chips_of_one_number() -> None:
    recalibrated, hardened = gains(NETWORKS)
    assert (recalibrated.name, recalibrated.bn) == ("direct", "recalibrate")
    assert (hardened.name, hardened.base, hardened.base_bn) == ("hardened", "direct", "digital")
    (cell,) = hardened.cells
    assert cell is not None
    # Chips: +10 and +14 points.
    assert cell.mean == pytest.approx(0.12)
    assert cell.high == pytest.approx(0.12 + T_1 * 0.02)
    assert hardened.clean == (0.79, 0.80)


def test_table_and_sentence_say_them() -> None:
    (sheet,) = gain_sheets(NETWORKS)
    rows = [[cell.text for cell in row] for row in sheet.rows]
    half = 100 * T_1 * 0.02
    said = f"+12.00 ({12 - half:+.2f} to {12 + half:+.2f})"
    assert rows[1] == ["hardened", "digital", "-1.00", said]
    (sentence,) = gain_sentences(NETWORKS)
    assert re.search(r"After 1 d on pcm, .* direct with BN digital keeps 62\.00 ", sentence)
    assert (
        f"hardened with BN digital (digital 79.00 %) is not told apart from it: {said}" in sentence
    )
    assert "bystander" not in sentence


def test_without_a_base_there_is_nothing() -> None:
    assert gain_sheets([NETWORKS[0], NETWORKS[2]]) == []


def test_kept_and_read_again(tmp_path: Any) -> None:
    spec = {"presets": ["pcm"]}
    kept = Kept(question="?", command="c", spec=spec, networks=tuple(NETWORKS))
    write_kept(tmp_path / "results.json", kept)
    again = read_kept(tmp_path / "results.json")
    assert [entry for entry, _ in again.networks] == [entry for entry, _ in NETWORKS]
    assert format_suite(again) == format_suite(kept)
    # A network without one is written as before there was such a thing.
    assert (tmp_path / "results.json").read_text().count('"against"') == 1


SPEC = """
data = "digits"
presets = ["pcm"]
times = ["1d"]
[design]
chips = 1
[[networks]]
label = "a"
model = "zoo:digits_cnn"
against = "{against}"
[[networks]]
label = "b"
model = "zoo:digits_cnn"
"""


@pytest.mark.parametrize("against", ["a", "c"])
def test_another_network_must_be_named(against: str) -> None:
    with pytest.raises(
        Exception, match=rf"against must be the label of another .*, got '{against}'"
    ):
        parse_spec(SPEC.format(against=against), "spec")


def test_a_results_file_that_names_none_is_refused(tmp_path: Any) -> None:
    entry, result = NETWORKS[1]
    kept = Kept(question="?", command="c", spec={}, networks=((entry, result),))
    write_kept(tmp_path / "results.json", kept)
    with pytest.raises(Exception, match=r"against must be the label of another .*'direct'"):
        read_kept(tmp_path / "results.json")
