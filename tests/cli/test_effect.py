"""`--effect` and the key `effects` of a spec."""

import json

import pytest

from analogsim.cli.main import run
from tests.cli.tiny import IMAGES, ON, document
from tests.cli.tiny import NET as TINY
from tests.studies.tiny import write_files

NET = ("zoo:digits_cnn", "--data", "digits")
SMALL = ("--limit", "40", "--chips", "2", "--times", "1d", "--workers", "1")
EFFECTS = ("--effect", "stuck?rate_off=0.05", "--effect", "gain_error?std=0.1")
NAMES = ["stuck?rate_off=0.05", "gain_error?std=0.1"]
CHIP = ("chip", "--network", ON[0])
SPEC = f"""
model = "{TINY}"
data = "{IMAGES}"
limit = 40
presets = ["pcm"]
times = ["1d"]
effects = [{{effects}}]
[design]
chips = 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_names_them_in_order_and_goes_on_with_them_alone(folder, capsys):
    assert run(["drift", *ON, *SMALL, *EFFECTS, "-o", "a"]) == 0
    header = document(folder / "a" / "run.json")
    assert header["spec"]["effects"] == NAMES
    assert any("Stuck(rate_on=0.0, rate_off=0.05)" in note for note in header["notes"])
    assert 'effects = ["stuck?rate_off=0.05", "gain_error?std=0.1"]' in (
        (folder / "a" / "spec.toml").read_text()
    )
    capsys.readouterr()
    assert run(["drift", *ON, *SMALL, "-o", "a"]) == 2
    assert "effects" in capsys.readouterr().err


def test_a_run_without_them_does_not_speak_of_them(folder):
    assert run(["drift", *ON, *SMALL, "-o", "a"]) == 0
    (folder / "none.toml").write_text(SPEC.format(effects=""))
    assert run(["run", "none.toml", "--workers", "1", "-o", "b"]) == 0
    a, b = (document(folder / name / "run.json") for name in "ab")
    assert "effects" not in a["spec"]
    assert a["spec_digest"] == b["spec_digest"]
    assert "effects" not in (folder / "b" / "spec.toml").read_text()


def test_a_folder_keeps_them_and_its_chips_are_the_same(folder, capsys):
    assert run(["convert", *ON, *EFFECTS, "-o", "chip"]) == 0
    assert "Stuck(rate_on=0.0, rate_off=0.05)" in capsys.readouterr().err
    assert document(folder / "chip" / "chip.json")["effects"] == NAMES
    for name, source in (("a", (*CHIP, *ON[1:])), ("b", (*ON, *EFFECTS))):
        assert run(["drift", *source, *SMALL, "-o", name]) == 0
    a, b = (document(folder / name / "run.json") for name in "ab")
    assert a["layers"] == b["layers"]
    assert a["spec"]["effects"] == b["spec"]["effects"] == NAMES
    capsys.readouterr()
    chip = (*CHIP, *ON[1:], *SMALL, "--effect", "stuck?rate_off=0.5", "-o", "c")
    assert run(["drift", *chip]) == 2
    assert (
        "folder chip was converted with effects stuck?rate_off=0.05, gain_error?std=0.1, got "
        "--effect stuck?rate_off=0.5; leave --effect out"
    ) in capsys.readouterr().err


def test_a_folder_without_them_does_not_speak_of_them(folder):
    assert run(["convert", *ON, "-o", "chip"]) == 0
    assert "effects" not in document(folder / "chip" / "chip.json")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--effect", "stick"), "got 'stick'; did you mean 'stuck'?"),
        (
            (*EFFECTS, "--stream", "philox"),
            "stream 'philox' must have no effects, got stuck, gain_error",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(folder, capsys, args, said):
    assert run(["drift", *NET, *SMALL, *args, "-o", "a"]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "a").exists()


def test_attribution_says_what_an_effect_costs(folder):
    model, data = write_files(folder)
    args = ("--only", "sources", "--wires", "3000ohm", "--effect", "stuck?rate_on=0.2")
    assert run(["attribute", model, "--data", data, *SMALL, *args, "-o", "a"]) == 0
    content = document(folder / "a" / "attribution.json")
    rows = {(row["name"], row["mode"]): row for row in content["rows"]}
    assert rows["wires", "alone"]["same_for_every_chip"]
    assert not rows["stuck", "alone"]["same_for_every_chip"]
    for name in ("wires", "stuck"):
        assert rows[name, "alone"]["loss"] > 0.1
        assert rows[name, "without"]["why"] == ""
    assert content["spec"]["effects"] == ["stuck?rate_on=0.2", "wires?r_row=3000.0&r_col=3000.0"]


def test_studies_that_know_none_refuse_them(folder, capsys):
    matched = ("--gaussian", "matched", "--presets", "pcm", "-o", "b")
    assert run(["compare", *NET, *SMALL, *EFFECTS, *matched]) == 2
    said = "matched comparison must have no effects, got stuck, gain_error"
    assert said in capsys.readouterr().err


def test_an_attribution_of_slices_says_what_rounding_costs_and_what_has_no_meaning(folder, capsys):
    (folder / "slices.toml").write_text("bits_per_cell = 4\nbits_per_input = 4\n")
    edge = ("--periphery", "slices.toml", "--only", "sources")
    assert run(["attribute", *ON, *SMALL, *edge, "-o", "a"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "weight-bits" in said
    assert "weights that are not cut into slices have other cells, with other draws" in said
    assert "inputs in slices are codes of the DAC" in said


def test_a_spec_with_a_wrong_one_is_refused_with_its_line(folder, capsys):
    (folder / "wrong.toml").write_text(SPEC.format(effects='"stuck", "stuck?rate_on=2"'))
    assert run(["run", "wrong.toml", "-o", "a"]) == 2
    said = capsys.readouterr().err
    assert "line 7: effects[1] 'stuck?rate_on=2': effect 'stuck' rate_on must be in [0, 1]" in said
    matched = SPEC.format(effects='"stuck"').replace("[design]", 'gaussian = "matched"\n[design]')
    (folder / "matched.toml").write_text(matched)
    assert run(["run", "matched.toml", "-o", "a"]) == 2
    assert "effects must be left out with gaussian, whose controls suffer none" in (
        capsys.readouterr().err
    )


def test_more_faults_cost_accuracy(folder, capsys):
    found = []
    for rate in ("0", "0.3"):
        name = f"r{rate}"
        assert run(["drift", *NET, *SMALL, "--effect", f"stuck?rate_on={rate}", "-o", name]) == 0
        capsys.readouterr()
        assert run(["report", name, "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["rows"]
        found.append(row["mean"])
    assert found[0] > 0.9
    assert found[1] < 0.6
