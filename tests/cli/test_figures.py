"""`analogsim figures`."""

from pathlib import Path

import pytest

from analogsim.cli.main import run
from tests.report.run_folder import make_trial, write_run


def test_it_prints_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run", [make_trial()])
    assert run(["figures", str(tmp_path / "run"), "--format", "svg", "--width", "two,one"]) == 0
    names = [f"{name}_{w}.svg" for name in ("accuracy", "layers") for w in ("two", "one")]
    folder = tmp_path / "run" / "figures"
    assert capsys.readouterr().out.split() == [str(folder / name) for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_one_chart_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run", [make_trial()])
    args = ["figures", str(tmp_path / "run"), "--chart", "accuracy", "-o", str(tmp_path / "out")]
    assert run(args) == 0
    assert capsys.readouterr().out == f"{tmp_path}/out/accuracy_one.pdf\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--width", "three"], "'three' is not one of 'one', 'two'"),
        (
            ["--format", "pdf,"],
            "--format must be a comma-separated list without empty entries, got 'pdf,'",
        ),
        (["--chart", "nix"], "error: figures chart must be one of accuracy, layers, got 'nix'"),
    ],
    ids=["width", "format", "chart"],
)
def test_wrong_on_purpose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    write_run(tmp_path, [make_trial()])
    assert run(["figures", str(tmp_path), *args]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "figures").exists()


def test_a_folder_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["figures", str(tmp_path)]) == 2
    assert f"error: run folder {tmp_path} must hold a readable run.json" in capsys.readouterr().err
