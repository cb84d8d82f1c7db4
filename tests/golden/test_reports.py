"""What `report` prints of every kept result: the numbers that are published, each in its place.

The files beside this one were printed by the commit of 2026-11-29; words in them may change, and
a number that changes stands under *Changed numbers* in the CHANGELOG.
"""

import re
from pathlib import Path

import pytest

import analogsim
from analogsim.cli.main import run

PRINTED = Path(__file__).parent / "reports"
RESULTS = Path(__file__).parents[2] / "experiments" / "results"
KEPT = sorted(RESULTS.glob("*.json"))
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?")


def numbers(text: str) -> list[str]:
    """Every number of a text, in its order."""
    return _NUMBER.findall(text)


def test_numbers_are_found() -> None:
    assert numbers("eta 0.05: -1.2 (-3.3 to +0.8) of resnet20, 5 draws") == [
        *("0.05", "-1.2", "-3.3", "+0.8", "5")
    ]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_no_published_number_moves(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(path)]) == 0
    before = numbers((PRINTED / f"{path.stem}.txt").read_text(encoding="utf-8"))
    assert len(before) > 10
    assert numbers(capsys.readouterr().out) == before


def test_the_kept_sweep_is_read_with_its_axes() -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    frame = analogsim.read(RESULTS / "crossbar_sweep")
    assert len(frame) == 27 * 3
    one = frame[(frame["max_input_size"] == 512) & (frame["adc_bits"] == 8)]
    assert one.groupby("wires")["accuracy"].mean().round(4).tolist() == [0.812, 0.7247, 0.4387]
