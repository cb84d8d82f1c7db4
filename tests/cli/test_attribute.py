"""`analogsim attribute` from end to end."""

import json
import re

import pytest

from analogsim.cli.main import run
from analogsim.seal import unsealed
from tests.cli.tiny import NET, ON

SHORT = ["--preset", "pcm?noise_scale=3", "--chips", "2", "--limit", "40"]


def attribute(folder, *args, on=("zoo:digits_cnn", "--data", "digits")):
    return run(["attribute", *on, "-o", str(folder), *args])


def test_folder_and_screen(tmp_path, capsys):
    out = tmp_path / "a1"
    assert attribute(out, *SHORT, "--workers", "1", on=ON) == 0
    shown = capsys.readouterr()
    assert "programming" in shown.out
    assert "each by itself: of " in " ".join(shown.out.split())
    # Few chips that agree are no certainty: no interval closes on its mean.
    assert not re.search(r"\(([+-]\d+\.\d+)(,| to) \1\)", shown.out)
    assert re.search(r"attribute: at most \d+ evaluations of 40 images\n", shown.err)
    assert re.search(r"attribute: one takes .* s: about \d+ s in all", shown.err)
    files = {path.name for path in out.iterdir()}
    assert files >= {
        *("attribution.json", "attribution.csv", "attribution.png", "attribution.md"),
        *("records.jsonl", "run.json", "treatments", "report.html"),
    }
    text = (out / "attribution.md").read_text()
    assert text.startswith(f"# Which source and which layer costs {NET} accuracy")
    # Finished: the same command reads its trials and says the same.
    assert attribute(out, *SHORT, "--json", on=ON) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == unsealed(json.loads((out / "attribution.json").read_text()))
    assert (result["format"], result["version"]) == ("analogsim-attribution", 1)
    assert {row["kind"] for row in result["rows"]} == {"source", "layer"}
    assert run(["report", str(out)]) == 0


def test_rram_says_what_its_law_cannot(tmp_path, capsys):
    args = ["--preset", "rram", "--only", "sources", "--chips", "2", "--limit", "20"]
    assert attribute(tmp_path / "a2", *args, on=ON) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "the law of 'rram' has no switch for it (see 'device')" in shown
    assert "Read noise that stays from product to product" in shown
    assert "No layers are suggested: no layers were looked at." in shown


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--chips", "0"], "--chips must be at least 1, got 0"),
        (["--limit", "0"], "--limit must be at least 1, got 0"),
        (["--screen", "0"], "screening images must be at least 1, got 0"),
        (["--recover", "x"], "--recover must be a percentage or a fraction, got 'x'"),
        (["--recover", "150%"], "at most 1, got 1.5"),
        (["--recover", "50%", "--top", "2"], "one of --recover and --top, got 50% and 2"),
        (["--top", "0"], "must be at least 1, got 0"),
        (["--layers", "lniear"], "got 'lniear'; nearest: linear"),
        (["--preset", "rram", "--times", "1h"], "3600"),
        (["--forward", "tile"], "got tile 'native', whose law is computed here"),
        (["--forward", "tile", "--tile", "torch"], "forward must be 'native', got 'tile'"),
        (["--bn", "digital", "--bn", "fold"], "must have one --bn, got digital, fold"),
        (["--tile", "cpp"], "got 'tile' .aihwkit's C.. tile by choice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_on_purpose(tmp_path, capsys, args, message):
    assert attribute(tmp_path / "new", *args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
    assert not (tmp_path / "new").exists()


def test_a_folder_s_own_preset_and_layers_that_stay_digital(tmp_path, capsys):
    folder = str(tmp_path / "chip")
    args = ["convert", "zoo:digits_cnn", "--data", "digits", "--keep-digital", "conv1"]
    assert run([*args, "--preset", "pcm-hermes", "-o", folder]) == 0
    capsys.readouterr()
    few = ["--only", "layers", "--layers", "linear", "--chips", "1", "--limit", "20"]
    out = str(tmp_path / "a3")
    assert run(["attribute", folder, "--data", "digits", "-o", out, *few, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["preset"] == "pcm-hermes"
    assert [row["name"] for row in result["rows"]] == ["linear", "linear"]
    assert run(["attribute", folder, "--data", "digits", "-o", out, "--layers", "conv1"]) == 2
    assert "got 'conv1'; nearest: conv" in capsys.readouterr().err


def test_output_is_needed(capsys):
    assert run(["attribute", "zoo:digits_cnn", "--data", "digits"]) == 2
    assert "Missing option '-o'" in capsys.readouterr().err
