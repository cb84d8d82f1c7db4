"""`analogsim noise` from end to end: files, specs, kills and words for what is wrong."""

import json
import re
import sys
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.draws import cpu
from analogsim.scopes.levels import ETAS, REFERENCES, SCOPES
from analogsim.spec.file import as_toml, parse_spec
from analogsim.spec.noise import NoiseSpec
from tests.cli.replaced import replaced
from tests.cli.test_run import lines

COMMAND = ["noise", "zoo:digits_cnn", "--data", "digits", "--limit", "60", "--draws", "2"]
SMALL = [*COMMAND, "--scopes", "weights,variance", "--references", "std", "--etas", "5%,0.3"]


def test_a_study_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run([*SMALL, "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "zoo:digits_cnn on 60 images of digits: clean accuracy" in said
    assert "Draws in which every output is NaN in %, scope variance, sigma of std" in said
    assert said.rstrip().endswith(str(out / "report.html"))
    paths = {path for path in out.rglob("*") if path.is_file() and path.name[0] != "."}
    names = {str(path.relative_to(out)) for path in paths}
    assert names == {
        *("run.json", "records.jsonl", "variances.json"),
        *("noise.json", "noise.csv", "noise.png", "report.html"),
        *("charts/noise.png", "charts/noise.svg", "charts/noise.csv"),
    }
    first = {name: (out / name).read_bytes() for name in names}
    assert run(["report", str(out)]) == 0
    assert capsys.readouterr().out == said
    assert run([*SMALL, "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(first["noise.json"])
    assert run(["report", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(first["noise.json"])
    assert {name: (out / name).read_bytes() for name in names} == first
    assert lines(out) == 2 * 2 * 2


def test_a_spec_that_says_little_asks_for_everything() -> None:
    spec = parse_spec('kind = "noise"\nmodel = "zoo:digits_cnn"\ndata = "digits"\n', "x")
    assert isinstance(spec, NoiseSpec)
    assert (spec.scopes, spec.references, spec.etas) == (SCOPES, REFERENCES, ETAS)
    assert (spec.draws, spec.seed, spec.limit) == (10, 0, None)
    assert parse_spec(as_toml(spec), "x") == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('etas = ["5%", 0.05]', r"line 4: etas must name levels above 0, each once, got \['5%', 0"),
        ('etas = ["0%"]', r"etas must name levels above 0, each once, got \['0%'\]"),
        ('etas = ["5"]', r"line 4: etas\[0\] must be a level of noise such as .*, got '5'"),
        ('scopes = ["all"]', r"scopes\[0\] must be weights, biases, .*, got 'all'"),
        ('presets = ["pcm"]', r"line 4: presets must be left out of a spec of kind noise, got \["),
        ('kinds = "noise"', r"got 'kinds'; did you mean 'kind'\?"),
    ],
    ids=["twice", "zero", "no-per-cent", "scope", "presets", "key"],
)
def test_a_wrong_spec_is_named(text: str, message: str) -> None:
    whole = f'kind = "noise"\nmodel = "zoo:digits_cnn"\ndata = "digits"\n{text}\n'
    with pytest.raises(Exception, match=message):
        parse_spec(whole, "x")


def test_keys_of_noise_belong_to_its_kind(tmp_path: Path) -> None:
    text = (
        'model = "m"\ndata = "digits"\npresets = ["pcm"]\ntimes = ["1s"]\nscopes = ["mean"]\n'
        "draws = 3\n[design]\nchips = 2\n"
    )
    with pytest.raises(
        Exception, match="line 5: scopes must be left out of a spec that is"
    ) as all_:
        parse_spec(text, "x")
    assert "line 6: draws must be left out of a spec that is not of kind noise, got 3" in str(
        all_.value
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--etas", "5%,x"], "--etas must be a percentage or a fraction, got 'x'"),
        (["--etas", " ,"], "--etas must be a comma-separated list without empty entries, got ' ,'"),
        (["--scopes", "bn"], "--scopes must be all or names of weights, "),
        (["--draws", "0"], "draws must be at least 1, got 0"),
        (["--limit", "0"], "limit must be 1 or more images, got 0"),
    ],
    ids=["eta", "no-eta", "scope", "draws", "limit"],
)
def test_a_wrong_option_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    assert run([*replaced(COMMAND, *change), "-o", str(tmp_path / "o")]) == 2
    assert message in capsys.readouterr().err


def test_a_network_without_weights_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["noise", "zoo:resnet20", "--data", "digits", "-o", str(tmp_path)]
    assert run(command) == 2
    assert "zoo:resnet20 must have trained weights, got untrained" in (capsys.readouterr().err)


@pytest.mark.filterwarnings("default:numba is not installed:UserWarning")
def test_without_numba_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "analogsim.draws.jit", None)
    cpu._compiled.cache_clear()
    try:
        # Imported before, it would be found as an attribute of its package.
        monkeypatch.delattr("analogsim.draws.jit", raising=False)
        assert run([*SMALL, "-o", str(tmp_path / "out"), "--workers", "1"]) == 0
    finally:
        cpu._compiled.cache_clear()
    said = capsys.readouterr().err
    assert f"warning: {cpu.WITHOUT_NUMBA}\n" in said
    assert "UserWarning" not in said


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("noise", "--set must be left out: the network stays digital .*, got 'adc_bits=4,8'; all"),
        ("attribute", "--set must be left out: .* sources and layers, got 'adc_bits=4,8'; attr"),
    ],
)
def test_what_sweeps_nothing_says_why(
    capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    words = [command, "zoo:digits_cnn", "--data", "digits", "--print-spec"]
    assert run([*words, "--set", "adc_bits=4,8"]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert run([command, "--help"]) == 0
    assert "--set" not in capsys.readouterr().out
