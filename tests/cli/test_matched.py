"""`analogsim compare --gaussian matched` from end to end."""

import json
import re

import pytest

from analogsim.cli.main import run

SHORT = ["--presets", "pcm", "--times", "1d", "--chips", "2", "--limit", "60"]


def compare(folder, *args):
    return run(["compare", "zoo:digits_cnn", "--data", "digits", "--gaussian", "matched",
                "-o", str(folder), *args])  # fmt: skip


def test_folder_and_screen(tmp_path, capsys):
    out = tmp_path / "m1"
    assert compare(out, *SHORT, "--json") == 0
    comparison = json.loads(capsys.readouterr().out)
    assert comparison == json.loads((out / "matched.json").read_text())
    assert (comparison["format"], comparison["version"]) == ("analogsim-matched", 1)
    (point,) = comparison["points"]
    assert (point["preset"], point["t_s"], comparison["chips"]) == ("pcm", 86400.0, 2)
    files = {path.name for path in out.iterdir()}
    assert files >= {"matched.png", "report.html", "records.jsonl", "run.json", "search"}
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert {r["preset"] for r in records} == {"pcm", "gaussian-matched(pcm)"}
    # Finished: nothing is left to do.
    assert compare(out, *SHORT) == 2
    assert "got one that is finished (matched.json)" in capsys.readouterr().err
    assert run(["report", str(out)]) == 0
    assert "gaussian-matched(pcm)" in capsys.readouterr().out


def test_table(tmp_path, capsys):
    assert compare(tmp_path / "m2", *SHORT, "--chips", "1") == 0
    shown = capsys.readouterr().out
    assert "equivalent eta" in shown
    assert "(one chip, so no\n  interval)" in shown or "(one chip, so no interval)" in shown
    assert max(map(len, shown.split("\n\n/")[0].splitlines())) <= 80


def test_the_device_s_chips_are_those_of_a_plain_comparison(tmp_path):
    compare(tmp_path / "with", *SHORT)
    run(["compare", "zoo:digits_cnn", "--data", "digits", "-o", str(tmp_path / "plain"), *SHORT])

    def correct(folder):
        lines = (tmp_path / folder / "records.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        return sorted((r["chip"], r["correct"]) for r in records if r["preset"] == "pcm")

    assert correct("with") == correct("plain")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--precision", "0.5%"], "design with chips, got Precision"),
        (["--compensation", "none", "--compensation", "exact"], "compensation, got none, exact"),
        (["--presets", "rram", "--times", "1h"], "3600"),
        (["--print-spec"], "--print-spec must go without --gaussian, got matched"),
    ],
    ids=["precision", "compensations", "time", "spec"],
)
def test_wrong_on_purpose(tmp_path, capsys, args, message):
    assert compare(tmp_path / "new", *args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
    assert not (tmp_path / "new").exists()
