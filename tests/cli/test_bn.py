"""`--bn` from end to end: policies side by side, and what is refused."""

import json

import pytest

from analogsim.batchnorm.policy import POLICIES
from analogsim.batchnorm.recalibrate import DEFAULT_IMAGES, METHODS, Recalibration
from analogsim.cli.main import run
from analogsim.spec.study import Spec
from analogsim.spec.table import spec_schema

BASE = ("zoo:digits_cnn", "--data", "digits", "--limit", "90")
YEAR_S = 365 * 86400.0


def drift(folder, *args, command="drift"):
    return run([command, *BASE, "-o", str(folder), *args])


def test_recalibration_recovers_the_accuracy_after_a_year(tmp_path, capsys):
    out = tmp_path / "d"
    args = ("--times", "1y", "--compensation", "none", "--chips", "2", "--workers", "1",
            "--bn", "digital", "--bn", "recalibrate", "--recalibration-images", "400")  # fmt: skip
    assert drift(out, *args) == 0
    summary = json.loads((out / "summary.json").read_text())
    digital, recalibrated = summary["rows"]
    assert (digital["bn"], recalibrated["bn"]) == ("digital", "recalibrate")
    assert digital["mean"] < 0.3
    assert recalibrated["mean"] > 0.95
    # Paired chip by chip, as other curves are.
    (pair,) = summary["differences"]
    assert (pair["a"]["bn"], pair["b"]["bn"], pair["n_chips"]) == ("recalibrate", "digital", 2)
    assert pair["mean"] == pytest.approx(recalibrated["mean"] - digital["mean"])
    header = json.loads((out / "run.json").read_text())
    assert header["spec"]["recalibration"]["images"] == 400
    assert sum("400 training images in 2 batches" in note for note in header["notes"]) == 1
    assert sum("statistics are estimated from the first" in note for note in header["notes"]) == 1
    assert "BN" in capsys.readouterr().out


def test_print_spec_and_run_keep_the_policies(tmp_path, capsys):
    args = ("--bn", "recalibrate-once", "--bn", "fold", "--recalibration", "adabs",
            "--recalibration-images", "300", "--presets", "pcm")  # fmt: skip
    assert drift(tmp_path, *args, "--print-spec", command="compare") == 0
    text = capsys.readouterr().out
    assert 'bn = ["recalibrate-once", "fold"]\n' in text
    assert 'recalibration = "adabs"\nrecalibration_images = 300\n' in text
    path = tmp_path / "spec.toml"
    path.write_text(text)
    assert run(["run", str(path), "--print-spec"]) == 0
    assert capsys.readouterr().out == text


def test_a_chip_that_recalibrated_once_drifts_on_from_its_folder(tmp_path, capsys):
    chip = tmp_path / "chip"
    assert run(["convert", *BASE[:3], "--bn", "recalibrate", "--recalibration-images", "100",
                "-o", str(chip)]) == 0  # fmt: skip
    assert "over 100 training images in 1 batch" in capsys.readouterr().err
    out = tmp_path / "out"
    assert run(["drift", str(chip), *BASE[1:], "--times", "1d", "--compensation", "none",
                "--chips", "1", "-o", str(out)]) == 0  # fmt: skip
    (row,) = json.loads((out / "summary.json").read_text())["rows"]
    assert (row["bn"], row["mean"] > 0.9) == ("recalibrate", True)
    capsys.readouterr()
    for bns, message in (
        (("--bn", "fold"), "was converted with bn recalibrate, got --bn fold; leave --bn out"),
        (("--bn", "digital", "--bn", "recalibrate"), "with bn recalibrate, got 2 of them; leave"),
    ):
        args = ("drift", str(chip), *BASE[1:], *bns, "-o", str(tmp_path / "no"))
        assert run([*args, "--times", "1d"]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "args", "message"),
    [
        ("drift", ("--bn", "none"), "bn 'none' must go with a network without BatchNorm, got one"),
        ("drift", ("--bn", "fold", "--bn", "fold"), "name each treatment once, got fold, fold;"),
        (
            "drift",
            ("--bn", "recalibrate", "--recalibration-images", "1"),
            "recalibration: images must be at least 2, got 1; mend these",
        ),
        (
            "compare",
            ("--gaussian", "matched", "--bn", "fold", "--bn", "digital"),
            "--gaussian matched must have one --bn, got fold, digital; run it once for each",
        ),
    ],
    ids=["none", "twice", "one image", "matched"],
)
def test_refused(command, args, message, tmp_path, capsys):
    assert drift(tmp_path / "out", *args, "--times", "1d", command=command) == 2
    assert message in capsys.readouterr().err


def test_refused_conversions(tmp_path, capsys):
    assert run(["convert", "zoo:digits_cnn", "--bn", "recalibrate", "--dry-run"]) == 2
    assert "must have training images, got no --data; add --data DATA" in capsys.readouterr().err
    assert run(["convert", *BASE[:3], "--bn", "fold", "--bn", "digital", "--dry-run"]) == 2
    assert "--bn must be given once here, got fold, digital; choose" in capsys.readouterr().err


def test_folding_with_one_scale_a_tile_is_warned_of(tmp_path, capsys):
    edge = tmp_path / "one.toml"
    edge.write_text('perfect = true\nweight_scaling = "tile"\n')
    args = ("--bn", "fold", "--periphery", str(edge), "--dry-run")
    assert run(["convert", *BASE[:3], *args]) == 0
    assert (
        "warning: BatchNorm is folded (layers: 3) with weight scaling 'tile': channels with a "
        "small gain use little of the conductance range; set weight_scaling to 'column', or keep "
        "BatchNorm digital\n"
    ) in capsys.readouterr().err


def test_the_words_are_those_of_the_library():
    """The command line names them without importing torch."""
    from analogsim.cli.drift import drift as command

    options = {option.name: option for option in command.params}
    assert tuple(options["bn"].type.choices) == POLICIES
    assert tuple(options["recalibration"].type.choices) == METHODS
    shown = f"default: {DEFAULT_IMAGES['average']}; adabs: {DEFAULT_IMAGES['adabs']}"
    assert shown in options["recalibration_images"].help
    keys = spec_schema()["properties"]
    assert tuple(keys["bn"]["items"]["enum"]) == POLICIES
    assert tuple(keys["recalibration"]["enum"]) == METHODS
    defaults = Spec.__dataclass_fields__
    assert defaults["recalibration"].default == Recalibration().method == "average"
    assert Recalibration().images == DEFAULT_IMAGES["average"]
