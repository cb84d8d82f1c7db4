"""A device of the user's own file wherever a preset is named, and what the records say of it."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.experiment.header import read_header
from analogsim.spec.device import beside, device_of, is_device_file, seen_from
from tests.cli.tiny import IMAGES, NET
from tests.experiment.small import records
from tests.inputs.devices import CELL

TINY = ["--data", IMAGES, "--limit", "40", "--workers", "1"]
SPEC = f"""
model = "{NET}"
data = "{IMAGES}"
presets = ["cell.py:wide", "pcm"]
times = ["1s"]
limit = 40

[design]
chips = 2
"""


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine" / "cell.py"
    path.parent.mkdir()
    path.write_text(CELL)
    return path


def test_what_names_a_file() -> None:
    names = ["a.py:b", "a.py", "d/a.py:b?x=1", "pcm", "pcm?x=a.py", "py:b"]
    assert [is_device_file(name) for name in names] == [True, True, True, False, False, False]
    assert beside(("a.py:b?x=1", "pcm"), Path("d")) == ("d/a.py:b?x=1", "pcm")
    assert beside(("a.py:b",), Path()) == ("a.py:b",)
    assert seen_from(("d/a.py:b?x=1", "pcm"), Path("out/r")) == ("../../d/a.py:b?x=1", "pcm")
    assert device_of("pcm?read_scale=0").info.name == "pcm"


def test_a_spec_finds_the_file_beside_it_and_a_changed_file_is_refused(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = cell.parent / "spec.toml"
    spec.write_text(SPEC)
    assert run(["run", str(spec), "-o", "out", "--workers", "2"]) == 0
    header = read_header(tmp_path / "out")
    digest = hashlib.sha256(cell.read_bytes()).hexdigest()
    name = "my-cell?sigma=0.2"
    assert header.spec["presets"] == [name, "pcm"]
    assert header.spec["device_files"] == {name: {"cell.py": digest}}
    assert f"Device {name}: cell.py (sha256 {digest[:16]})." in header.notes
    # The other devices' trials do not depend on the user's code.
    capsys.readouterr()
    before = records(tmp_path / "out")
    assert {one["preset"] for one in before} == {name, "pcm"}
    assert run(["run", "out/spec.toml", "-o", "out"]) == 0
    assert records(tmp_path / "out") == before
    cell.write_text(CELL.replace("1e6", "2e6"))
    for option in ([], ["--extend"]):
        capsys.readouterr()
        assert run(["run", str(spec), "-o", "out", *option]) == 2
        assert capsys.readouterr().err.endswith(
            "error: run folder out inputs must be those that it was made with, got other device "
            f"file cell.py of {name}; restore them, or choose another folder\n"
        )
    assert records(tmp_path / "out") == before


def test_a_run_grows_by_a_device_of_one_s_own(cell: Path, tmp_path: Path) -> None:
    spec = cell.parent / "spec.toml"
    spec.write_text(SPEC.replace('"cell.py:wide", ', ""))
    assert run(["run", str(spec), "-o", "out"]) == 0
    assert "device_files" not in read_header(tmp_path / "out").spec
    spec.write_text(SPEC.replace('"cell.py:wide", "pcm"', '"pcm", "cell.py:wide"'))
    assert run(["run", str(spec), "-o", "out", "--extend"]) == 0
    assert list(read_header(tmp_path / "out").spec["device_files"]) == ["my-cell?sigma=0.2"]
    assert len(records(tmp_path / "out")) == 4


def test_the_page_cites_it_without_its_code(cell: Path, tmp_path: Path) -> None:
    entry = "@misc{cell2026,\\n  title = {A cell of mine}\\n}"
    cell.write_text(CELL.replace('citation="c"', f'citation="c", bibtex="{entry}"'))
    drift = ["drift", NET, "--preset", "mine/cell.py:Cell", "--times", "1s"]
    assert run([*drift, "--chips", "1", *TINY, "-o", "out"]) == 0
    cell.unlink()
    assert run(["report", "out"]) == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "@misc{cell2026,\n  title = {A cell of mine}\n}" in page


def test_a_chip_is_opened_with_its_device_s_code(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = "mine/cell.py:Cell"
    digits = ["--data", "digits"]
    assert run(["convert", "zoo:digits_cnn", "--preset", preset, *digits, "-o", "chip"]) == 0
    digest = hashlib.sha256(cell.read_bytes()).hexdigest()
    assert json.loads(Path("chip/chip.json").read_text())["device_files"] == {"cell.py": digest}
    drift = ["drift", "chip", "--times", "1s", "--chips", "1", *digits, "--limit", "40"]
    capsys.readouterr()
    assert run([*drift, "-o", "a"]) == 2
    assert (
        "folder chip must be opened together with its device's code, which it does not hold, got "
        "'my-cell'; give --preset FILE.py:NAME"
    ) in capsys.readouterr().err
    assert run([*drift, "-o", "a", "--preset", preset]) == 0
    assert {one["preset"] for one in records(tmp_path / "a")} == {"my-cell"}
    cell.write_text(CELL + "\n# changed\n")
    capsys.readouterr()
    assert run([*drift, "-o", "b", "--preset", preset]) == 2
    said = capsys.readouterr().err
    assert "folder chip device must be of the code that the chip was programmed with" in said
    assert f"in place of cell.py (sha256 {digest[:16]})" in said


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["presets", "mine/none.py:Cell"], "preset file must exist, got 'mine/none.py'"),
        (["presets", "mine/cell.py"], "preset 'mine/cell.py' must name a callable of the file"),
        (["drift", "--preset", "mine/cell.py:number"], "a callable 'number', got int"),
        (["compare", "--presets", "pcm,mine/cell.py:Clash"], "its own, got 'pcm', which analogsim"),
        (
            ["compare", "--presets", "mine/cell.py:Cell,mine/twin.py:wide"],
            "mine/cell.py:Cell and mine/twin.py:wide must have different names, got 'my-cell'",
        ),
        (["attribute", "--preset", "mine/cell.py:fails"], "got ZeroDivisionError: division by"),
    ],
    ids=["file", "name", "number", "clash", "twins", "fails"],
)
def test_wrong_on_purpose(
    cell: Path, capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    (cell.parent / "twin.py").write_text(CELL)
    if args[0] != "presets":
        args = [args[0], "zoo:digits_cnn", "--data", "digits", "-o", "new", *args[1:]]
    assert run(args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("error:") == 1
    assert not Path("new").exists()


def test_presets_shows_it(cell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["presets", "mine/cell.py:wide", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["options"]["sigma"]) == ("my-cell", 0.2)


def test_it_stands_beside_its_matched_noise_and_in_an_attribution(
    cell: Path, tmp_path: Path
) -> None:
    compare = ["compare", NET, "--presets", "mine/cell.py:Cell", "--times", "1s"]
    assert run([*compare, "--chips", "2", *TINY, "--gaussian", "matched", "-o", "m"]) == 0
    (point,) = json.loads(Path("m/matched.json").read_text())["points"]
    assert (point["preset"], point["control"]) == ("my-cell", "gaussian-matched(my-cell)")
    assert read_header(tmp_path / "m").spec["device_files"].keys() == {"my-cell"}
    attribute = ["attribute", NET, "--preset", "mine/cell.py:Cell", "--chips", "1"]
    assert run([*attribute, "--only", "sources", "--times", "1s", *TINY, "-o", "a"]) == 0
    rows = json.loads(Path("a/attribution.json").read_text())["rows"]
    assert "device" in {row["name"] for row in rows}
    assert read_header(tmp_path / "a").spec["device_files"].keys() == {"my-cell"}


def test_changed_constants_are_in_the_records_and_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_pcm.toml").write_text('device = "pcm"\nnu_mean = 0.03\ng_max_us = 40\n')
    drift = ["drift", NET, "--preset", "my_pcm.toml", "--times", "1s"]
    assert run([*drift, "--chips", "1", *TINY, "-o", "out"]) == 0
    name = "pcm?g_max_us=40.0&nu_mean=0.03"
    assert {one["preset"] for one in records(tmp_path / "out")} == {name}
    assert 'presets = ["pcm?nu_mean=0.03&g_max_us=40"]' in Path("out/spec.toml").read_text()
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "; with g_max 40 uS in place of 25, nu_mean 0.03 in place of the fit" in page
    # The file may go: nothing names it.
    Path("my_pcm.toml").unlink()
    assert run(["run", "out/spec.toml", "-o", "out"]) == 0
    assert len(records(tmp_path / "out")) == 1


def test_a_constant_can_be_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drift = ["drift", NET, "--preset", "pcm", "--times", "1s", "--chips", "1"]
    assert run([*drift, "--set", "g_max_us=25,40", *TINY, "-o", "out"]) == 0
    found = [one["point"]["g_max_us"] for one in records(tmp_path / "out")]
    assert sorted(found) == [25, 40]


def test_a_device_is_checked(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # As it is, it drifts at noise_scale 0 too.
    assert run(["presets", "mine/cell.py:Cell", "--check"]) == 1
    assert "fails  ideal         noise_scale=0 must leave" in capsys.readouterr().out
    good = CELL.replace("weights / (1.0 + t_inference / 1e6)", "weights.clone()")
    cell.write_text(good)
    assert run(["presets", "mine/cell.py:Cell", "--check"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok     words         citation, law and")
    assert "-      spread        no spread is stated (programming_spread)" in lines
    cell.write_text(good.replace('citation="c"', 'citation=""'))
    assert run(["presets", "mine/cell.py:Cell", "--check"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("fails  words         info.citation must say something, got nothing")
    assert run(["presets", "mine/cell.py:Cell", "--check", "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["format"] == "analogsim-device-check"
    assert content["passed"] is False
    assert content["checks"][0]["ok"] is False
    for args, got in ((["levels"], "effect levels"), ([], "no name")):
        assert run(["presets", *args, "--check"]) == 2
        assert f"--check must be of one device, got {got}; name a" in capsys.readouterr().err


def test_how_a_device_behaves_is_drawn(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["presets", "mine/cell.py:Cell", "--plot", "-o", "out/c"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"my-cell, as a share of the largest: target 0.25: 0\.2(49|50)", said)
    names = ("programming", "exponent", "drift", "read_noise")
    for name in names:
        for kind in ("png", "svg", "csv"):
            assert (tmp_path / "out/c/charts" / f"device_{name}.{kind}").is_file()
    rows = (tmp_path / "out/c/charts/device_programming.csv").read_text().splitlines()
    target, sigma = map(float, rows[-1].split(","))
    # sigma = 0.1 w; n = 4,000.
    assert (target, sigma) == (1.0, pytest.approx(0.1, rel=0.03))
    assert run(["presets", "--plot"]) == 2
    assert "--plot must be of one device, got no name" in capsys.readouterr().err
