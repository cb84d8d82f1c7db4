"""Suites of sweeps and of other measures: what is kept, said and refused."""

import copy
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.suites.build import format_suite, suite_charts
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept, write_kept
from analogsim.suites.summarised import SummaryResult

LOSS = {"name": "cross-entropy", "unit": "nats", "better": "lower", "least": 0.0, "most": None}


def found(mean: float = 0.25, **changes: Any) -> dict[str, Any]:
    """A summary with two times."""
    rows = [
        {
            "preset": "pcm", "t_s": t_s, "bn": "digital", "compensation": "global", "n_chips": 3,
            "n_images": 40, "mean": mean + more, "ci95": [0.2, 0.4], "std_chips": 0.1, "n_nan": 0,
            "n_evaluations": 120, "design": "full", "ci95_new_images": None, "std_ci95": None,
            "percentile5": None, "percentile5_ci95": None, "percentile5_method": None,
            "components": None, "yields": [],
        }
        for t_s, more in ((1.0, 0.0), (86400.0, 0.05))
    ]  # fmt: skip
    digital = {"n_images": 40, "n_correct": None, "accuracy": 0.125, "n_nan": 0}
    return {
        "format": "analogsim-summary", "version": 1, "question": "?", "command": "c", "model": "m",
        "data": "d", "normalisation": "n", "created": "2030-01-01T00:00:00+00:00",
        "digital_accuracy": 0.125, "digital": digital, "rows": rows, "differences": [],
        "spec_digest": "0123456789abcdef", "versions": {"torch": "1"}, "tiles": ["native"],
        "notes": [], "warnings": [], "coverage": None, "measure": LOSS, **changes,
    }  # fmt: skip


def kept(*results: dict[str, Any]) -> Kept:
    networks = tuple(
        (Entry(label=f"n{at}"), SummaryResult(found=one, weights="ab" * 32))  # type: ignore[arg-type]
        for at, one in enumerate(results)
    )
    return Kept(question="Why?", command="c", spec={"measure": "l.py:LOSS"}, networks=networks)


def test_it_is_read_as_it_was_written_and_said_in_its_own_unit(tmp_path: Path) -> None:
    suite = kept(found(), found(0.5))
    write_kept(tmp_path / "results.json", suite)
    read = read_kept(tmp_path / "results.json")
    assert read == suite
    text = format_suite(read)
    assert "pcm, global compensation: Cross-entropy in nats" in text
    assert "n0: after 1 d pcm with global compensation has cross-entropy 0.3 nats (0.2 to" in text
    (chart,) = suite_charts(read)
    assert chart.rows[0][2:] == (1.0, 0.25, 0.2, 0.4)
    assert "n1, BN digital: 0.5 nats at 1, 0.55 nats at 86400." in chart.words


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rows": []}, "summary rows must be there, got none"),
        ({"measure": {**LOSS, "most": 0.2}}, r"mean must be in \[0, 0.2\], got 0.25"),
        ({"measure": {**LOSS, "better": "more"}}, "better must be one of higher, lower, got"),
        ({"measure": {**LOSS, "most": -1.0}}, "least and most must be bounds of its mean"),
        ({"digital": None}, "found digital must be an object, got None"),
        ({"models": "m"}, "found must have no other fields, got 'models'"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_no_study_measures_is_refused(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    write_kept(tmp_path / "results.json", kept(found(**changed)))
    with pytest.raises(InputError, match=said):
        read_kept(tmp_path / "results.json")


def test_two_measures_are_not_one_study(tmp_path: Path) -> None:
    other = copy.deepcopy(found())
    other["measure"]["name"] = "margin"
    write_kept(tmp_path / "results.json", kept(found(), other))
    with pytest.raises(InputError, match="networks must be of one study, got different ones"):
        read_kept(tmp_path / "results.json")
