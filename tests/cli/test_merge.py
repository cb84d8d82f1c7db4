"""Runs of other chips, joined: the records and the report of the run that has them all."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from analogsim.cli.main import run
from analogsim.experiment.records import read_records
from analogsim.spec.file import read_spec
from tests.cli.test_main import spies
from tests.cli.tiny import ON
from tests.report.full_folder import write_full
from tests.report.run_folder import SPEC, make_trial, write_run

COMMAND = ["compare", *ON, "--presets", "pcm,ideal"]
COMMAND += ["--times", "1s,1d", "--compensation", "none,global", "--limit", "20"]
COMMAND += ["--periphery", "standard?adc_bits=6", "--yield-above", "50%", "--workers", "1"]
# Of what is the same in both, these say when and how it came about.
WHEN = {"wall_s", "chip_s", "crc32", "command", "created"}


def content(path: Path) -> Any:
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    return [{k: v for k, v in json.loads(line).items() if k not in WHEN} for line in lines]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merge")
    for name, chips in (("all", "4"), ("low", "0-1"), ("high", "2-3")):
        assert run([*COMMAND, "--chips", chips, "-o", str(folder / name)]) == 0
    return folder


def test_two_parts_are_the_run_of_all_chips(
    there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["report", str(there / "all")]) == 0
    table = capsys.readouterr().out.rpartition("\n\n")[0]
    merged = tmp_path / "merged"
    # In any order.
    assert run(["merge", str(there / "high"), str(there / "low"), "-o", str(merged)]) == 0
    assert capsys.readouterr().out.rpartition("\n\n")[0] == table
    assert len(read_records(merged)) == 32
    for name in ("records.jsonl", "run.json", "summary.json"):
        assert content(merged / name) == content(there / "all" / name), name
    for name in ("layers.json", "spec.toml"):
        assert (merged / name).read_bytes() == (there / "all" / name).read_bytes(), name
    assert (merged / "report.html").is_file()
    # The same command takes it for its own, and more chips are added to it.
    before = (merged / "records.jsonl").read_bytes()
    assert run([*COMMAND, "--chips", "4", "-o", str(merged)]) == 0
    assert (merged / "records.jsonl").read_bytes() == before
    assert run([*COMMAND, "--chips", "5", "--extend", "-o", str(merged)]) == 0
    assert (merged / "records.jsonl").read_bytes().startswith(before)
    assert {trial.chip for trial in read_records(merged)} == {0, 1, 2, 3, 4}


def test_a_part_says_which_chips_it_has(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = there / "high"
    assert {trial.chip for trial in read_records(part)} == {2, 3}
    spec = read_spec(part / "spec.toml")
    assert (spec.chips, spec.first_chip) == (2, 2)
    capsys.readouterr()
    assert run(["report", str(part)]) == 0
    assert "chips 2 to 3" in " ".join(capsys.readouterr().out.split())
    assert run(["report", str(part), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chip_numbers"] == [2, 3]
    assert "2, numbers 2 to 3" in (part / "report.html").read_text()
    # It goes on as it is, and only with chips around its own.
    assert run([*COMMAND, "--chips", "2-3", "-o", str(part)]) == 0
    capsys.readouterr()
    assert run([*COMMAND, "--chips", "3-4", "--extend", "-o", str(part)]) == 2
    said = '"chips": 2, "first": 2} -> {"kind": "chips", "chips": 2, "first": 3}'
    assert said in capsys.readouterr().err


def part(folder: Path, chips: range, *, leave: int | None = None, **changes: Any) -> str:
    """A run of these chips without its computation; without trials of chip `leave`."""
    design = {"kind": "chips", "chips": len(chips), "first": chips.start}
    keys = {"presets": ["pcm"], "bn": ["digital"], "times_s": [1.0, 3600.0]}
    spec = {**SPEC, **keys, "compensations": ["global"], "design": design, **changes}
    trials = [
        make_trial(chip=chip, t_s=t_s)
        for chip in chips
        for t_s in (1.0, 3600.0)
        if chip != leave or t_s < 3600
    ]
    return str(write_run(folder, trials, spec=spec))


def test_what_cannot_be_joined_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = part(tmp_path / "a", range(0, 2))
    design = {"kind": "chips", "chips": 2, "first": 2}
    noise = write_run(
        tmp_path / "noise", [make_trial()], spec={**SPEC, "kind": "noise", "design": design}
    )
    old = write_run(tmp_path / "old", [make_trial()])
    bare = part(tmp_path / "bare", range(2, 4))
    (tmp_path / "bare" / "records.jsonl").unlink()
    dealt = part(tmp_path / "dealt", range(2, 4), design={"kind": "precision", "half_width": 0.1})
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").touch()
    for others, said in (
        ([], "merge must have two runs or more, got 1; name the others"),
        ([str(tmp_path / "none")], f"run folder {tmp_path}/none must hold a readable run.json"),
        ([part(tmp_path / "b", range(2, 4), seed=7)], r"got seed '0' in .*/a and '7' in .*/b"),
        ([part(tmp_path / "c", range(1, 3))], "each chip once, got chip 1 in .*/a and in .*/c"),
        ([a], "each chip once, got chips 0 to 1 in .*/a and in .*/a"),
        ([part(tmp_path / "d", range(4, 5))], r"none with chips 2 to 3; run it with --chips 2-3"),
        (
            [part(tmp_path / "e", range(2, 4), leave=3)],
            r"e must be finished, got none for chip 3 on pcm \(BN digital, compensation global\) "
            "at 1 h; let it finish: analogsim drift",
        ),
        ([bare], "must hold at least one finished trial, got none"),
        ([dealt], "must have a design with chips, got .*precision"),
        ([str(noise)], "spec must have the fields n_bn, n_classes, scopes"),
        ([str(old)], "must have a design with chips, got None"),
    ):
        assert run(["merge", a, *others, "-o", str(tmp_path / "out")]) == 2
        assert re.search(said, " ".join(capsys.readouterr().err.split())), others
        assert not (tmp_path / "out").exists()
    good = part(tmp_path / "good", range(2, 4))
    assert run(["merge", a, good, "-o", str(full)]) == 2
    assert "full must be an empty folder, got one that holds mine.txt" in capsys.readouterr().err


def test_what_is_finished_is_reported_drawn_and_joined_without_torch(tmp_path: Path) -> None:
    """The parts have no layers and no spec."""
    parts = [part(tmp_path / f"{n}", range(10 * n, 10 * n + 10)) for n in (1, 2)]
    full = str(write_full(tmp_path / "full"))
    *_, (output, _) = found = spies(
        ["report", full],
        ["figures", full, "--chart", "accuracy", "--format", "svg"],
        ["merge", *parts, "-o", str(tmp_path / "out")],
        first="from tests import charts\ncharts.draw('drawn')\n",
    )
    assert [seen for _, seen in found] == [{"code": 0, "imported": ["matplotlib"]}] * 3
    assert "chips 10 to 29" in " ".join(output.split())
    assert len(read_records(tmp_path / "out")) == 40


def test_runs_of_other_versions_are_noted(tmp_path: Path) -> None:
    one = part(tmp_path / "one", range(0, 2))
    two = write_run(
        tmp_path / "two",
        list(read_records(Path(part(tmp_path / "x", range(2, 4))))),
        spec=json.loads((tmp_path / "x" / "run.json").read_text())["spec"],
        versions={"analogsim": "0.2", "torch": "3.0"},
    )
    assert run(["merge", one, str(two), "-o", str(tmp_path / "out")]) == 0
    (note,) = json.loads((tmp_path / "out" / "run.json").read_text())["notes"][1:]
    assert note == "Chips 2 to 3 were made with other versions: analogsim 0.2, torch 3.0."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "--chips must be at least 1, got 0"),
        ("-1", "--chips must be at least 1, got -1"),
        ("9-3", "must be a number of chips, or the first and the last, got '9-3'"),
        ("1-", "got '1-'; write for example 10 or 10-19"),
        ("three", "got 'three'"),
        ("1000000-1000001", "first chip must be below 1000000, got 1000000"),
        ("9" * 5000, "got '999"),
    ],
)
def test_chips_that_are_none(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*COMMAND, f"--chips={text}", "-o", str(tmp_path / "o")]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "design", "said"),
    [
        ('kind = "attribution"', "chips = 2", "where there is kind, got 3"),
        ('gaussian = "matched"', "chips = 2", "where there is gaussian, got 3"),
        ("", "precision = 0.01", "where there is precision, got 3"),
    ],
)
def test_studies_without_parts_refuse_a_first_chip(
    keys: str, design: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "it.toml"
    spec.write_text(
        f'{keys}\nmodel = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\ntimes = [1.0]\n'
        f"[design]\n{design}\nfirst_chip = 3\n"
    )
    assert run(["run", str(spec), "--print-spec"]) == 2
    assert f"design.first_chip must be left out {said}" in capsys.readouterr().err


def test_matched_controls_are_of_the_first_chips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--gaussian", "matched", "--chips", "2-3", "-o", str(tmp_path / "o")]
    assert run(["compare", "zoo:digits_cnn", "--data", "digits", "--limit", "20", *words]) == 2
    assert "--gaussian matched must have chips from 0 on, got 2" in capsys.readouterr().err
