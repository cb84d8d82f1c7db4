"""Scopes, levels and grids as values."""

import pytest

from analogsim.errors import InputError
from analogsim.scopes.levels import (
    ETAS,
    GRIDS,
    MEANING,
    ROLES,
    SCOPES,
    Level,
    grid_etas,
    parse_references,
    parse_scopes,
    same_scopes,
)
from tests.scopes.small import study

ALL = frozenset({"weight", "bias", "bn_affine", "bn_mean", "bn_variance"})


def test_scopes_that_are_not_folded_only_add() -> None:
    order = SCOPES[:5]
    assert order == ("weights", "biases", "affine", "mean", "variance")
    for less, more in zip(order, order[1:], strict=False):
        assert ROLES[less] < ROLES[more]
    assert ROLES["variance"] == ROLES["variance-clamped"] == ALL
    assert set(MEANING) == set(SCOPES) == set(ROLES)


@pytest.mark.parametrize(
    ("present", "folds", "others"),
    [
        (ALL, True, {}),
        (ALL, False, {"folded": "biases", "folded-weights": "weights"}),
        (
            frozenset({"weight", "bias"}),
            False,
            dict.fromkeys(("affine", "mean", "variance", "variance-clamped", "folded"), "biases")
            | {"folded-weights": "weights"},
        ),
        (frozenset({"weight"}), False, dict.fromkeys(SCOPES, "weights")),
        # BatchNorm without gamma and beta, and convolutions without biases.
        (ALL - {"bias", "bn_affine"}, True, {"biases": "weights", "affine": "weights"}),
    ],
    ids=["batchnorm", "unfoldable", "no-batchnorm", "weights-alone", "not-affine"],
)
def test_scopes_that_noise_the_same_tensors_are_known(
    present: frozenset[str], folds: bool, others: dict[str, str]
) -> None:
    expected = {scope: others.get(scope, scope) for scope in SCOPES}
    assert same_scopes(present, folds=folds) == expected  # type: ignore[arg-type]


def test_the_same_scope_is_computed_once() -> None:
    same = same_scopes(frozenset({"weight", "bias"}), folds=False)
    asked = study(scopes=SCOPES, references=("std",), etas=(0.1,))
    assert [level.scope for level in asked.levels(same)] == ["weights", "biases"]


def test_a_level_has_one_spelling() -> None:
    level = Level(scope="folded", reference="std", eta=0.05)
    assert level.preset == "noise?scope=folded&reference=std&eta=0.05"
    assert (level.bn, Level(scope="mean", reference="max", eta=1.0).bn) == ("fold", "digital")


def test_grids_are_the_named_ones() -> None:
    assert {grid: grid_etas(grid, (0.0, *ETAS)) for grid in GRIDS} == {
        "all": (0.01, 0.02, 0.05, 0.07, 0.10, 0.15, 0.20, 0.25, 0.30),
        "low": (0.01, 0.02, 0.05),
        "mid": (0.01, 0.02, 0.05, 0.07, 0.10),
        "high": (0.10, 0.15, 0.20, 0.25, 0.30),
    }


def test_lists_of_names_are_read() -> None:
    assert parse_scopes("all") == SCOPES
    assert parse_scopes(" mean, weights,mean") == ("mean", "weights")
    assert parse_references("max") == ("max",)
    with pytest.raises(
        InputError, match=r"--scopes must be all or names of weights, .*got 'wieghts';"
    ):
        parse_scopes("weights,wieghts")
    with pytest.raises(
        InputError, match=r"--references must be all or names of std, max.*got ' ,'"
    ):
        parse_references(" ,")


def test_every_problem_of_a_study_is_said() -> None:
    with pytest.raises(InputError) as caught:
        study(scopes=("weight",), references=(), etas=(0.1, -0.5), draws=0, seed=-1, batch_size=0)
    text = str(caught.value)
    assert "scopes must be different ones of weights, " in text
    assert "got ['weight']" in text
    assert "references must be different ones of std, max, got []" in text
    assert "etas must be given, differ and be above 0, got [0.1, -0.5]" in text
    assert "draws must be at least 1, got 0" in text
    assert "seed must be at least 0, got -1" in text
    assert "batch size must be at least 1, got 0" in text
