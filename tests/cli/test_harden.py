"""`analogsim harden` from end to end, on the digits."""

import json
import re
from pathlib import Path

import pytest

from analogsim.cli.main import run
from tests.cli.tiny import ON

# Two steps an epoch: what they bring is asked in tests/hardening.
USUAL = ["harden", "zoo:digits_cnn", "--data", "digits", "--epochs", "1", "--batch-size", "600"]
SMALL = ["--times", "1s,1y", "--chips", "2", "--limit", "60", "--workers", "1"]


def test_hardens_measures_and_says_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hardened = ["harden", *ON, "--epochs", "1", "--batch-size", "32", "--crop", "0"]
    command = [*hardened, *SMALL, "--wires", "1ohm", "-o", str(tmp_path / "h")]
    assert run(command) == 0
    out, err = capsys.readouterr()
    for row in (r"direct +digital", r"direct +recalibrate", r"hardened +digital"):
        assert re.search(rf"^{row} ", out, re.M)
    assert "After 1 y on pcm, compensation global, direct with BN digital keeps" in out
    assert f"hardened weights: {tmp_path / 'h' / 'weights.safetensors'}" in err
    made = json.loads((tmp_path / "h" / "weights.json").read_text())
    assert made["recipe"]["hardening"]["effects"] == ["wires?r_row=1.0&r_col=1.0"]
    page = (tmp_path / "h" / "study" / "report.html").read_text()
    assert "accuracy less that of direct with BN digital" in page
    # The study is on the network's chips with wires, too.
    header = json.loads((tmp_path / "h" / "study" / "hardened" / "run.json").read_text())
    assert "wires" in json.dumps(header["spec"])

    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "h").iterdir() if p.is_file()}
    assert run(command) == 0
    assert capsys.readouterr().out == out
    assert {p: p.stat().st_mtime_ns for p in before} == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--noise", "gaussian"], r"training noise must be device, gaussian:matched or "),
        (["--ramp", "1"], r"hardening ramp must be in \[0, 1\), got 1\.0"),
        (["--scale", "-1"], r"training noise scale must be finite and at least 0, got -1\.0"),
        (["--preset", "rram"], r"time must be one of the fitted times .*, got 31536000"),
        (["--preset", "pmc"], r"'pmc'.*did you mean"),
        (["--periphery", "none.toml"], r"none\.toml"),
        (["--weights", "none.pt"], r"none\.pt must exist"),
        (["--layers", "nothing"], r"layers to harden must be layers on tiles, got 'nothing'"),
        (["--array", "all"], r"'all' is not one of 'estimated', 'whole', 'none'"),
        (["--chips", "0"], r"design\.chips must be .*, got 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_costs_no_training(
    more: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*USUAL, "--times", "1s,1y", *more, "-o", "h"]) == 2
    assert re.search(said, capsys.readouterr().err, re.S)
    assert not Path("h", "weights.safetensors").exists()
