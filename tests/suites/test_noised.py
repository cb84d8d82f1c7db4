"""Suites of noise and another measure than the accuracy: what is kept, said and refused."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.quantity import Quantity
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.summary import noise_summary
from analogsim.suites.build import format_suite, suite_answer, suite_charts
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept, write_kept
from analogsim.suites.noised import NoisedResult, kept_of
from tests.scopes.toy import answered, toy

LOSS = Quantity(name="cross-entropy", unit="nats", better="lower", least=0.0)
TOP_5 = Quantity(name="top-5 accuracy", unit="%", least=0.0, most=1.0)


def losses(more: float = 0.0) -> NoiseResult:
    """A loss of 0.5 without noise, over 10 images."""
    sums = {("weights", "std"): {0.05: [7.5, 5.0 + more], 0.2: [10.0, 20.0]}}
    return toy(
        sums,
        n_images=10,
        clean_correct=5.0,
        quantity=LOSS,
        counted=False,
        predicted={},
        nearest={},  # type: ignore[arg-type]
    )


def kept(*results: Any) -> Kept:
    networks = tuple((Entry(label=f"n{at}"), one) for at, one in enumerate(results))
    return Kept(question="Why?", command="c", spec={"kind": "noise"}, networks=networks)


def read_back(suite: Kept, folder: Path) -> Kept:
    write_kept(folder / "results.json", suite)
    return read_kept(folder / "results.json")


def test_it_is_read_as_it_was_written_and_said_in_its_own_unit(tmp_path: Path) -> None:
    suite = kept(kept_of(losses()), kept_of(losses(2.5)))
    found = read_back(suite, tmp_path)
    assert found == suite
    text = format_suite(found)
    assert "Average change of cross-entropy in nats (95 % interval over draws" in text
    # (0.75 + 0.5 + 1 + 2) / 4 - 0.5
    assert re.search(r"^n0 +0\.5 +3 +weights +std +\+0\.562 \(-0\.5 to ", text, re.MULTILINE)
    (said,) = suite_answer(found)
    assert "n0 changes by +0.562" in said
    assert said.endswith(" nats of its own cross-entropy.")
    (chart,) = suite_charts(found)
    assert chart.rows[0][:4] == ("weights, sigma of std", "n0", 0.05, 0.125)
    assert "Change of cross-entropy (nats). weights, sigma of std, n0: +0.125 nats" in chart.words


def test_the_accuracy_is_kept_as_counts_and_said_as_any_share(tmp_path: Path) -> None:
    plain = answered(toy())
    assert kept_of(plain) is plain
    share = kept_of(dataclasses.replace(plain, quantity=TOP_5))
    assert isinstance(share, NoisedResult)
    counted, noised = (format_suite(read_back(kept(one), tmp_path)) for one in (plain, share))
    assert noised.replace("top-5 accuracy", "accuracy") == counted


def document(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {**noise_summary(losses())}
    return {**found, **changes}


ROW, AVERAGE = noise_summary(losses())["rows"][0], noise_summary(losses())["averages"][0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"averages": []}, "averages must be there, got none"),
        ({"measure": {**LOSS.entry(), "better": "more"}}, "better must be one of higher, lower"),
        ({"measure": {**LOSS.entry(), "most": -1.0}}, "least and most must be bounds of its mean"),
        ({"measure": TOP_5.entry()}, r"rows\[0\] must have normalised, got others"),
        ({"clean": {"n_images": 10}}, "clean must have mean and n_images, got others"),
        ({"rows": [{**ROW, "ci95": [1.0]}]}, r"rows\[0\] ci95 must be low and high"),
        (
            {"averages": [{**AVERAGE, "ci95_new_images": []}]},
            "ci95_new_images must be low and high",
        ),
        ({"rows": None}, "found rows must be a list, got None"),
        ({"models": "m"}, "found must have no other fields, got 'models'"),
    ],
    ids=["averages", "better", "bounds", "share", "clean", "low", "new", "rows", "more"],
)
def test_what_no_study_says_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    one = NoisedResult(found=document(**changed), weights="ab" * 32)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said):
        read_back(kept(one), tmp_path)


def test_two_measures_are_not_one_study(tmp_path: Path) -> None:
    other = document(measure={**LOSS.entry(), "name": "margin"})
    two = kept(kept_of(losses()), NoisedResult(found=other, weights="ab" * 32))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="networks must be of one study, got different ones"):
        read_back(two, tmp_path)
