"""`analogsim doctor`: the table, the JSON and the exit code."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analogsim.cli.doctor import doctor
from analogsim.doctor import probe


def broken_tile(kind: str) -> tuple[float, float]:
    raise RuntimeError("weights must be a CPU tensor")


def test_this_installation_can_run_the_main_job() -> None:
    result = CliRunner().invoke(doctor, [])

    assert result.exit_code == 0, result.output
    assert "ok       torch tile" in result.output
    assert "ok       C++ tile" in result.output
    assert result.output.endswith("The main job can run.\n")


def test_json_has_every_finding(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()

    result = CliRunner().invoke(doctor, ["--json", "--data-dir", str(tmp_path)])

    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["can_run"] is True
    assert {tuple(check) for check in answer["checks"]} == {("name", "status", "detail", "mend")}
    data = next(check for check in answer["checks"] if check["name"] == "data")
    assert data["detail"] == f"cifar10 in {tmp_path}"


@pytest.mark.parametrize(
    ("broken", "exit_code", "verdict"),
    [
        pytest.param({"cpp"}, 0, "can run.", id="cpp"),
        pytest.param({"torch", "cpp"}, 1, "cannot run: see 'problem'.", id="both"),
    ],
)
def test_exit_code_says_whether_the_main_job_can_run(
    broken: set[str], exit_code: int, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = probe.run_tile
    monkeypatch.setattr(
        probe, "run_tile", lambda kind: (broken_tile if kind in broken else real)(kind)
    )

    result = CliRunner().invoke(doctor, [])

    assert result.exit_code == exit_code
    assert "does not work with torch 2.13 or newer" in result.output
    assert result.output.rstrip().endswith(verdict)
    # The whole command stands on one line, to be copied.
    assert any(
        "to mend: " in line and "pip install aihwkit==" in line and "torchvision" in line
        for line in result.output.splitlines()
    )


def test_nobody_is_told_to_install_the_other_project() -> None:
    """The name `analogsim` on the package registry belongs to someone else."""
    output = CliRunner().invoke(doctor, ["--json"]).output
    assert "install analogsim" not in output
