"""How much a command says: `-q` and `-v`."""

import re
from pathlib import Path

import pytest

from analogsim.cli.main import run

COMMAND = ["drift", "zoo:digits_cnn", "--data", "digits", "--limit", "12", "--times", "1s"]
COMMAND += ["--chips", "2", "--compensation", "none", "--workers", "1"]


def told(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    capsys.readouterr()
    assert run([*COMMAND, *words, "-o", str(folder)]) == 0
    captured = capsys.readouterr()
    return captured.out.replace(str(folder), "DIR"), captured.err


def test_quiet_has_results_alone_and_verbose_every_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual, notes = told([], tmp_path / "usual", capsys)
    assert "data: digits: test split, 360 images" in notes
    assert told(["-q"], tmp_path / "quiet", capsys) == (usual, "")
    results, said = told(["--verbose"], tmp_path / "verbose", capsys)
    assert results == usual
    assert said.startswith(notes)
    lines = said.removeprefix(notes).splitlines()
    trials = [re.sub(r"^\[\d+\.\d s\] ", "", line) for line in lines[:-1]]
    assert trials == ["digital", "1/2 pcm chip 0", "2/2 pcm chip 1"]
    assert re.fullmatch(
        r"\d+\.\d s in all, with analogsim \S+, aihwkit \S+, torch \S+.*", lines[-1]
    )


def test_warnings_and_errors_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bits = ["--periphery", "standard?adc_bits=4", "-q", "-o", str(tmp_path / "o")]
    few = [word if word != "none" else "global" for word in COMMAND]
    assert run([*few[:7], "1d", *few[8:], *bits]) == 0
    assert capsys.readouterr().err.startswith("warning: compensation 'global' misleads")
    assert run([*COMMAND, "-q", "--seed", "-1", "-o", str(tmp_path / "p")]) == 2
    assert "seed must be at least 0, got -1" in capsys.readouterr().err


def test_both_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COMMAND, "-q", "-v", "-o", str(tmp_path / "o")]) == 2
    assert "--quiet and --verbose must not stand together, got both" in capsys.readouterr().err
