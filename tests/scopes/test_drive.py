"""A noise study is a run like any other: every trial once, extended. What all kinds of study can,
resumed and on many workers, is asked in tests/cli/test_kinds.py."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from analogsim.errors import InputError
from analogsim.experiment.header import read_header
from analogsim.experiment.records import read_records
from analogsim.scopes.build import build_noise
from analogsim.scopes.levels import SCOPES, Level
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.variances import read_variances
from tests.scopes.small import network, noisy, records, run, study


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return records(folder)


def test_every_trial_once(unbroken: list[dict[str, Any]]) -> None:
    keys = {(r["preset"], r["chip"]) for r in unbroken}
    assert len(keys) == len(unbroken) == 3 * 2 * 2 * 2
    assert {(r["bn"], r["tile"], r["periphery"], r["t_s"]) for r in unbroken} == {
        ("digital", "digital", "none", 0.0),
        ("fold", "digital", "none", 0.0),
    }


def test_a_trial_is_what_the_network_says(unbroken: list[dict[str, Any]]) -> None:
    level = Level(scope="variance", reference="std", eta=0.2)
    expected = noisy(batch_size=48).score(level, seed=0, draw=1)
    (found,) = (r for r in unbroken if (r["preset"], r["chip"]) == (level.preset, 1))
    assert (found["correct"], found["n_nan"]) == (expected.correct, expected.n_nan)


def test_extending_adds_and_moves_nothing(tmp_path: Path, unbroken: list[dict[str, Any]]) -> None:
    run(tmp_path)
    more = study(scopes=("weights", "affine", "variance", "folded"), etas=(0.2, 0.05, 0.1), draws=3)
    with pytest.raises(InputError, match=r"etas: \[0.05, 0.2\] -> \[0.2, 0.05, 0.1\][^!]*--extend"):
        run(tmp_path, more)
    run(tmp_path, more, extend=True)
    found = records(tmp_path)
    assert len(found) == 4 * 2 * 3 * 3
    assert [r for r in found if r in unbroken] == unbroken
    assert read_noise(tmp_path).etas == (0.2, 0.05, 0.1)


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    run(tmp_path, study(scopes=("weights",), references=("std",), etas=(0.1,), draws=1))
    with pytest.raises(InputError, match=r"seed: 0 -> 1\nchoose another folder"):
        run(tmp_path, study(scopes=("weights",), references=("std",), etas=(0.1,), draws=1, seed=1))


def test_a_network_without_batchnorm_computes_nothing_twice(tmp_path: Path) -> None:
    module = network("zoo:digits_cnn?norm=none")
    asked = study(scopes=SCOPES, references=("std",), etas=(0.1,), draws=1)
    run(tmp_path, asked, module=module)
    assert {trial.preset for trial in read_records(tmp_path)} == {
        f"noise?scope={scope}&reference=std&eta=0.1" for scope in ("weights", "biases")
    }
    assert read_variances(tmp_path) == ()
    found = read_noise(tmp_path)
    assert (found.n_bn, found.scopes) == (0, SCOPES)
    for scope in ("affine", "variance", "folded"):
        assert (
            found.units(scope, "std", (0.1,)).values == found.units("biases", "std", (0.1,)).values
        )


def test_variances_that_are_all_equal_have_no_noise_of_their_std(tmp_path: Path) -> None:
    module = copy.deepcopy(network())
    for norm in (one for one in module.modules() if isinstance(one, nn.BatchNorm2d)):
        norm.running_var.fill_(1.0)
    run(tmp_path, study(scopes=("variance",), draws=1), module=module)
    result, _ = build_noise(tmp_path)
    assert result.nearest.keys() == {"max"}
    assert json.loads((tmp_path / "noise.json").read_text())["nearest_variance"].keys() == {"max"}


def test_the_header_holds_the_clean_network(tmp_path: Path) -> None:
    run(tmp_path, study(scopes=("weights",), references=("std",), etas=(0.1,), draws=1))
    header, clean = read_header(tmp_path), noisy(batch_size=48).clean()
    assert header.digital["n_correct"] == clean.n_correct
    assert header.digital_correct == clean.correct
    assert header.spec["kind"] == "noise"
