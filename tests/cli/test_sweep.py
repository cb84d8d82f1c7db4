"""`--set` and `[sweep]`: one command for what took a file and a run a point."""

import json
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.errors import InputError
from analogsim.spec.file import as_toml, parse_spec
from analogsim.spec.study import Spec

DRIFT = ["drift", "zoo:digits_cnn", "--data", "digits"]
SMALL = ["--chips", "2", "--limit", "40", "--times", "1s,1d", "--workers", "1"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--set adc_bits", "--set must be NAME=VALUES, got 'adc_bits'"),
        ("--set adc_bits=17", "adc_bits must be 0 or 2 to 16, got 17"),
        ("--set adc_bit=4", "got 'adc_bit'; did you mean 'adc_bits'?"),
        ("--set adc_bits=4..6 --set adc_bits=6", "--set adc_bits must name each value once"),
        ("--set adc_bits=2..16 --set dac_bits=2..16 --set seed=0,1", "256 points, got 450"),
        ("--set ir_drop=0,1 --tile torch", "use --tile native"),
        ("--set read_noise=0,1 --preset rram", "sweep their product_scale"),
        ("--set adc_bits=4 --periphery ideal", "use --periphery standard"),
        ("--set bn=fold,x", "--set bn must be one of digital, fold, recalibrate"),
        ("--set bn=fold --bn digital", "--set bn must not stand beside --bn, got fold"),
        ("--set compensation=none --compensation none", "must not stand beside --compensation"),
        ("--within 2", "within must go with a sweep, got 2 points without one"),
    ],
)
def test_what_cannot_be_swept_is_refused(
    options: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused([*DRIFT, *options.split(), "-o", "never"], capsys)
    assert not Path("never").exists()


def test_a_sweep_is_none_of_a_comparison_with_matched_noise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    compare = ["compare", "zoo:digits_cnn", "--data", "digits", "--gaussian", "matched"]
    said = refused([*compare, "--set", "adc_bits=4", "-o", "never"], capsys)
    assert "--set must be left out with --gaussian, got adc_bits" in said


def printed(options: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*DRIFT, *options.split(), "--print-spec"]) == 0
    return capsys.readouterr().out


def test_options_and_the_spec_that_they_print_are_the_same_sweep(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(
        "--set adc_bits=4..5 --set pcm.drift_scale=0..1:0.5 --set bn=digital,fold "
        "--set adc_bits=8 --set compensation=none --within 1",
        capsys,
    )
    spec = parse_spec(text, "s.toml")
    assert isinstance(spec, Spec)
    assert spec.sweep == {"adc_bits": (4, 5, 8), "pcm.drift_scale": (0, 0.5, 1)}
    assert (spec.bn, spec.compensation, spec.within) == (("digital", "fold"), ("none",), 1.0)
    assert as_toml(spec) == text
    # By hand: text as on the command line, a list, and a key that TOML takes for a table.
    by_hand = text[: text.index("[sweep]")] + (
        '[sweep]\nadc_bits = ["4..5", 8]\npcm.drift_scale = "0..1:0.5"\n'
    )
    assert parse_spec(by_hand, "s.toml") == spec


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('adc_bits = "8..4"', "line 9: sweep.adc_bits sweep adc_bits must be a range that goes"),
        ("adc_bits = [4, 4]", "line 9: sweep.adc_bits sweep adc_bits must name each value once"),
        ("adc_bits = [[4]]", "sweep adc_bits must be plain values, got [4]"),
        ("adc_bits = []", "line 9: sweep.adc_bits must be values such as"),
        ('bn = ["fold"]', "line 9: sweep.bn must be a list of its own"),
        ("", "sweep must be a table of settings"),
        ('a = "1..100"\nb = "1..100"', "sweep sweep must have at most 256 points, got 10000"),
    ],
)
def test_each_problem_of_a_sweep_in_a_spec_is_named(lines: str, said: str) -> None:
    head = 'model = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\ntimes = [1.0]\n\n'
    text = f"{head}[design]\nchips = 2\n[sweep]\n{lines}\n"
    with pytest.raises(InputError) as error:
        parse_spec(text, "s.toml")
    assert said in str(error.value)


@pytest.mark.parametrize("kind", ["noise", "attribution"])
def test_kinds_with_conditions_of_their_own_have_no_sweep(kind: str) -> None:
    said = f"sweep must be left out of a spec of kind {kind}, whose conditions are its own, got"
    head = f'kind = "{kind}"\nmodel = "zoo:digits_cnn"\ndata = "digits"\n'
    with pytest.raises(InputError, match=said):
        parse_spec(f"{head}[sweep]\nadc_bits = [4]\n", "s.toml")


def test_one_command_is_the_runs_of_its_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sweep"
    axes = ["--set", "adc_bits=5,8", "--set", "max_input_size=64,512"]
    assert run([*DRIFT, *SMALL, *axes, "-o", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "adc_bits  max_input_size  time  accuracy" in text
    assert (folder / "charts" / "sweep.png").is_file()
    edge = tmp_path / "edge.toml"
    edge.write_text("adc_bits = 5\nmax_input_size = 64\n", encoding="utf-8")
    alone = [*DRIFT, *SMALL, "--periphery", str(edge), "-o", str(tmp_path / "alone"), "--json"]
    assert run(alone) == 0
    plain = json.loads(capsys.readouterr().out)["rows"]
    assert run(["report", str(folder), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    point = {"adc_bits": 5, "max_input_size": 64}
    same = [
        {key: value for key, value in row.items() if key != "point"}
        for row in made["rows"]
        if row["point"] == point
    ]
    assert same == plain
    assert made["sweep"]["axes"] == {"adc_bits": [5, 8], "max_input_size": [64, 512]}
    # The spec that it left makes the same run, and finds it finished.
    before = (folder / "records.jsonl").read_bytes()
    assert run(["run", str(folder / "spec.toml"), "-o", str(folder), "--workers", "1"]) == 0
    assert (folder / "records.jsonl").read_bytes() == before


def test_a_chips_folder_has_its_tiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chip = str(tmp_path / "chip")
    assert run(["convert", "zoo:digits_cnn", "--data", "digits", "-o", chip]) == 0
    more = ["--data", "digits", *SMALL, "-o"]
    assert run(["drift", chip, "--set", "adc_bits=6,8", *more, str(tmp_path / "a")]) == 0
    capsys.readouterr()
    assert run(["drift", chip, "--set", "max_input_size=64", *more, str(tmp_path / "b")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "max_input_size must be the 512 that the network was converted with, got 64" in said
