"""`analogsim compare --gaussian matched` from end to end."""

import contextlib
import io
import json
import re
import shutil

import pytest

from analogsim.cli.main import run
from analogsim.seal import unsealed
from tests.cli.replaced import replaced
from tests.cli.tiny import ON
from tests.experiment.small import records

SHORT = ["--presets", "pcm", "--times", "1d", "--chips", "2", "--limit", "20"]
DIGITS = ("zoo:digits_cnn", "--data", "digits")


def compare(folder, *args, on=ON):
    return run(["compare", *on, "--gaussian", "matched", "-o", str(folder), *args])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the short comparison, and what it printed; several tests look at it."""
    folder = tmp_path_factory.mktemp("made") / "m1"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert compare(folder, *SHORT, "--json") == 0
    return folder, printed.getvalue()


def test_folder_and_screen(made, capsys):
    out, printed = made
    comparison = json.loads(printed)
    assert comparison == unsealed(json.loads((out / "matched.json").read_text()))
    assert (comparison["format"], comparison["version"]) == ("analogsim-matched", 1)
    (point,) = comparison["points"]
    assert (point["preset"], point["t_s"], comparison["chips"]) == ("pcm", 86400.0, 2)
    files = {path.name for path in out.iterdir()}
    assert files >= {"matched.png", "report.html", "records.jsonl", "run.json", "search"}
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert {r["preset"] for r in records} == {"pcm", "gaussian-matched(pcm)"}
    assert run(["report", str(out)]) == 0
    assert comparison["sentences"][0] in " ".join(capsys.readouterr().out.split())


def test_table(tmp_path, capsys):
    assert compare(tmp_path / "m2", *replaced(SHORT, "--chips", "1"), on=DIGITS) == 0
    shown = capsys.readouterr().out
    assert "equivalent eta" in shown
    assert "(one chip, so no interval)" in " ".join(shown.split())
    assert max(map(len, shown.split("\n\n/")[0].splitlines())) <= 80


def test_the_device_s_chips_are_those_of_a_plain_comparison(made, tmp_path):
    plain = tmp_path / "plain"
    run(["compare", *ON, "-o", str(plain), *SHORT])

    def correct(folder):
        lines = (folder / "records.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        return sorted((r["chip"], r["correct"]) for r in records if r["preset"] == "pcm")

    assert correct(made[0]) == correct(plain)


@pytest.mark.slow
def test_current_at_few_bits_and_what_is_said_of_global(tmp_path, capsys):
    """Any compensation can be compared; one that misleads is warned of."""
    edge = tmp_path / "four.toml"
    edge.write_text("adc_bits = 4\n")
    for kind, warned in (("current", False), ("global", True)):
        out = tmp_path / kind
        asked = ["--periphery", str(edge), "--compensation", kind, "--chips", "1"]
        assert compare(out, *replaced(SHORT, *asked), on=DIGITS) == 0
        shown = capsys.readouterr()
        said = f"warning: compensation '{kind}' misleads on pcm at 1 d"
        assert (said in shown.err, said in shown.out) == (warned, warned)
        assert json.loads((out / "matched.json").read_text())["compensation"] == kind


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--precision", "0.5%"], "design with chips, got Precision"),
        (["--compensation", "none", "--compensation", "exact"], "compensation, got none, exact"),
        (["--presets", "rram", "--times", "1h"], "3600"),
    ],
    ids=["precision", "compensations", "time"],
)
def test_wrong_on_purpose(tmp_path, capsys, args, message):
    assert compare(tmp_path / "new", *args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
    assert not (tmp_path / "new").exists()


def printed_spec(folder):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert compare(folder / "nothing", *SHORT, "--print-spec") == 0
    assert not (folder / "nothing").exists()
    path = folder / "matched.toml"
    path.write_text(printed.getvalue())
    return path


@pytest.fixture(scope="module")
def of_spec(tmp_path_factory):
    """The short comparison's spec, and the folder of its run; who changes them takes copies."""
    folder = tmp_path_factory.mktemp("spec")
    path = printed_spec(folder)
    assert run(["run", str(path), "-o", str(folder / "run")]) == 0
    return path, folder / "run"


def test_a_spec_grows_by_times_and_not_by_chips(of_spec, tmp_path, capsys):
    text = of_spec[0].read_text()
    out = str(shutil.copytree(of_spec[1], tmp_path / "out"))
    first = {json.dumps(one) for one in records(tmp_path / "out")}
    old = json.loads((tmp_path / "out" / "matched.json").read_text())
    longer = text.replace("times = [86400.0]", 'times = ["1d", "1s"]')
    assert longer != text
    path = tmp_path / "matched.toml"
    path.write_text(longer)
    capsys.readouterr()
    assert run(["run", str(path), "-o", out]) == 2
    assert "times_s: [86400.0] -> [86400.0, 1.0]" in capsys.readouterr().err
    assert run(["run", str(path), "-o", out, "--extend"]) == 0
    assert first < {json.dumps(one) for one in records(tmp_path / "out")}
    new = json.loads((tmp_path / "out" / "matched.json").read_text())
    assert [point["t_s"] for point in new["points"]] == [86400.0, 1.0]
    assert new["points"][0] == old["points"][0]
    path.write_text(longer.replace("chips = 2", "chips = 3"))
    capsys.readouterr()
    assert run(["run", str(path), "-o", out, "--extend"]) == 2
    assert 'matched: {"chips": 2' in capsys.readouterr().err


def test_every_problem_of_a_spec_is_said_at_once(tmp_path, capsys):
    path = printed_spec(tmp_path)
    text = path.read_text().replace("chips = 2", 'precision = "1%"')
    text = 'bn = ["digital", "fold"]\ncompensation = ["none", "global"]\n' + text
    text = text.replace("\n\n[design]", '\nstream = "philox"\n\n[design]')
    path.write_text(text)
    assert run(["run", str(path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "line 1: bn must be one with gaussian" in said
    assert "got ['digital', 'fold']" in said
    assert "line 2: compensation must be one with gaussian" in said
    assert "got ['none', 'global']" in said
    assert "design must be chips with gaussian, whose pairs need the same images" in said
    assert "got precision" in said
    assert "stream must be aihwkit with gaussian, whose controls have no compiled law" in said
    path.write_text(path.read_text().replace('"matched"', '"equal"'))
    assert run(["run", str(path), "-o", str(tmp_path / "out")]) == 2
    assert "gaussian must be matched: each device beside" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
