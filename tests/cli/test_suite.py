"""`analogsim run` of several networks: a folder each, one set of tables, problems at once."""

import json
import shutil
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.errors import InputError
from analogsim.inputs.known import SHIPPED
from analogsim.spec.file import as_toml, parse_spec
from analogsim.spec.suite import Suite
from tests.experiment.small import records

NOISE = """
kind = "noise"
question = "Which?"
data = "digits"
limit = 60
draws = 2
scopes = ["weights", "affine"]
references = ["std"]
etas = ["5%", "20%"]

[[networks]]
label = "with"
model = "zoo:digits_cnn"
weights = "w/bn.safetensors"
pair = "digits"
arm = "with"
published = "vgg16"
growth = "layers"

[[networks]]
label = "without"
model = "zoo:digits_cnn?norm=none"
untrained = true
pair = "digits"
arm = "without"
growth = "layers"
"""
CHIPS = """
data = "digits"
limit = 40
presets = ["pcm"]
times = ["1s", "1d"]
compensation = ["none", "global"]
bn = ["digital", "fold"]
periphery = "ideal"

[design]
chips = 2

[[networks]]
label = "with"
model = "zoo:digits_cnn"
pair = "digits"
arm = "with"

[[networks]]
label = "without"
model = "zoo:digits_cnn?norm=none"
untrained = true
bn = ["digital"]
pair = "digits"
arm = "without"
"""


def write_spec(folder: Path) -> Path:
    (folder / "w").mkdir()
    shutil.copy(SHIPPED / "digits_cnn-batch.safetensors", folder / "w" / "bn.safetensors")
    path = folder / "suite.toml"
    path.write_text(NOISE)
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return write_spec(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with suite.toml, its weights, and its finished run in `out`."""
    folder = tmp_path_factory.mktemp("suite")
    write_spec(folder)
    assert run(["run", str(folder / "suite.toml"), "-o", str(folder / "out")]) == 0
    return folder


def test_a_suite_of_noise(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = done / "out"
    assert run(["report", str(out)]) == 0
    said = capsys.readouterr().out
    assert "digits: average normalised accuracy in % with and without BatchNorm" in said
    assert "(95 % interval over 2 draws of one training, on these images) [on new images]" in said
    assert "published VGG16" in said
    assert "layers: points of average normalised accuracy a BatchNorm layer" in said
    assert "without: affine = biases (the same tensors)" in said
    assert (len(records(out / "with")), len(records(out / "without"))) == (8, 8)
    assert (out / "with" / "report.html").is_file()
    assert "Which?" in (out / "report.html").read_text()

    # What is kept makes the same tables, wherever it lies.
    shutil.copy(out / "results.json", tmp_path / "kept.json")
    assert run(["report", str(tmp_path / "kept.json")]) == 0
    assert capsys.readouterr().out == said.rpartition(f"\n{out / 'report.html'}")[0]
    assert run(["report", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "analogsim-results"


def test_a_suite_of_chips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chips.toml"
    path.write_text(CHIPS)
    assert run(["run", str(path), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "pcm, compensation global: accuracy in %" in said
    assert "pcm, compensation none: accuracy over digital accuracy, with minus without" in said
    rows = [line.split() for line in said.splitlines()]
    assert sum(row[:2] == ["with", "fold"] for row in rows) == 2
    assert sum(row[:2] == ["without", "digital"] for row in rows) == 2
    assert sum(row[:4] == ["with", "-", "without", "fold"] for row in rows) == 2
    assert (tmp_path / "out" / "with" / "summary.json").is_file()
    assert "with minus without BatchNorm, in points (95 % interval over pairs of chips" in said
    assert "with - without: BatchNorm costs a share of the digital accuracy in " in said
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    for network in content["networks"]:
        assert 0 < network["coverage"] <= 1
        assert network["digital_correct"]
        assert all(row["answers"] for row in network["rows"])


def test_a_folder_with_something_else_is_refused(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 2
    assert "must be empty or this suite's, got one that holds thesis.txt" in (
        capsys.readouterr().err
    )


def test_a_suite_is_read_and_comes_back(spec: Path) -> None:
    suite = parse_spec(NOISE, "s.toml", spec.parent)
    assert isinstance(suite, Suite)
    (first, one), (second, other) = suite.members
    assert (first.label, first.arm, second.growth) == ("with", "with", "layers")
    assert one.weights == str(spec.parent / "w" / "bn.safetensors")
    assert (other.weights, other.untrained, one.limit) == (None, True, 60)
    assert parse_spec(as_toml(suite), "s.toml", spec.parent) == suite


def test_every_problem_is_said_at_once_with_its_line(spec: Path) -> None:
    text = NOISE.replace('"w/bn', '"w/nb').replace('label = "without"', 'label = "With"')
    text = text.replace('arm = "without"', 'arm = "with"').replace("untrained", 'bn = ["fold"]\nu')
    text = text.replace("u = true", "").replace('growth = "layers"\n', "", 1)
    text += '\n[[networks]]\nlabel = "third"\nmodel = "m"\npair = "x"\n'
    with pytest.raises(InputError) as caught:
        parse_spec(text, "s.toml", spec.parent)
    said = str(caught.value)
    line = {number: one for number, one in enumerate(text.splitlines(), start=1)}

    def at(part: str, nth: int = 0) -> int:
        return [number for number, one in line.items() if one.startswith(part)][nth]

    assert (
        f"line {at('weights')}: networks[0].weights must be a file beside the spec, got "
        f"'w/nb.safetensors', which is not in {spec.parent}"
    ) in said
    assert f"line {at('label', 1)}: networks[1].label must be one of its own, got 'With' t" in said
    assert f"line {at('arm', 1)}: networks[1].arm must be one arm of a pair and training se" in said
    assert "got 'with' of 'digits' again (first in networks[0])" in said
    assert f"line {at('bn')}: networks[1].bn must be left out of a spec of kind noise, got " in said
    assert f"line {at('pair', 2)}: networks[2].pair must come with pair and arm both, got " in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('label = "with"', 'label = "a/b"'), r"line 12: networks\[0\].label must be a name of l"),
        (('model = "zoo:digits_cnn"\n', ""), r"line 11: networks\[0\].model must be text: zoo:NAM"),
        (('arm = "with"', 'arm = "bn"'), r"networks\[0\].arm must be with or without .* got 'bn'"),
        (('growth = "', 'grow = "'), r"networks\[0\].grow must .*got 'grow'; did you mean 'growth"),
        (('kind = "noise"', 'kind = "noise"\nmodel = "m"'), r"line 3: model must be left out of a"),
    ],
    ids=["label", "model", "arm", "key", "two-models"],
)
def test_a_wrong_entry_is_named(spec: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_spec(NOISE.replace(*change), "s.toml", spec.parent)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("", r"must be a name of letters, .* got ''"),
        ("..", r"must be a name of letters, .* got '\.\.'"),
        ("-x", r"must be a name of letters, .* got '-x'"),
        ("a/b", r"must be a name of letters, .* got 'a/b'"),
        ("caf\u00e9", r"must be a name of letters, .* got 'caf\u00e9'"),
        ("a\\n", r"must be a name that ends in a letter, .* got 'a\\n'"),
        ("a.", r"must be a name that ends in a letter, .* got 'a\.'"),
        ("a" * 101, r"must be at most 100 characters, got 'aaa"),
        ("con", r"must be a name that is free in every folder, got 'con'"),
        ("LPT1.x", r"must be a name that is free in every folder, got 'LPT1\.x'"),
        ("report", r"must be a name that is free in every folder, got 'report'"),
        ("Results.json", r"must be a name that is free in every folder, got 'Results\.json'"),
        ("Without", r"\[1\]\.label must be one of its own, got 'without' twice"),
    ],
    ids=lambda value: ascii(value)[:12] if "must" not in value else "",
)
def test_a_label_is_the_name_of_a_folder(label: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_spec(CHIPS.replace('"with"', f'"{label}"', 1), "s.toml")


def test_a_suite_of_chips_wants_whole_test_sets() -> None:
    text = CHIPS.replace("chips = 2", 'precision = "1%"')
    with pytest.raises(InputError, match=r"line 11: design.precision must be chips in a .* '1%'"):
        parse_spec(text, "s.toml")
