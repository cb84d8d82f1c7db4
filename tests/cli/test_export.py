"""`analogsim export`: of a run and of a chip, and what is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from analogsim.cli.main import run

DRIFT = (
    "drift zoo:digits_cnn --preset pcm --times 1s --chips 1 --limit 20 --workers 1 --data digits"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and a chip."""
    folder = tmp_path_factory.mktemp("export")
    assert run([*DRIFT.split(), "-o", str(folder / "run")]) == 0
    convert = ["convert", "zoo:digits_cnn", "--data", "digits", "-o", str(folder / "chip")]
    assert run(convert) == 0
    return folder


@pytest.mark.parametrize(
    ("name", "file"),
    [("neurosim", "NetWork.csv"), ("zigzag", "mapping.yaml"), ("accelforge", "arch.yaml")],
)
def test_a_run_is_exported(
    made: Path, tmp_path: Path, name: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["export", str(made / "run"), "--to", name, "-o", str(out)]) == 0
    first, *files = capsys.readouterr().out.splitlines()
    # As convert says it.
    assert first == "4 layers on 4 arrays; 4,106 ADC readings and 14,656 row drives an input"
    assert str(out / file) in files
    assert sorted(files) == sorted(str(path) for path in out.iterdir())


def test_a_chip_is_measured_on_the_images_that_are_named(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["export", str(made / "chip"), "--to", "zigzag", "-o", str(tmp_path / "out"), "--json"]
    assert run([*args, "--data", "digits"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["version"], found["to"]) == ("analogsim-export", 1, "zigzag")
    assert (found["adc"], found["dac"], found["arrays"]) == (4106, 14656, 4)
    assert found["workload"]["images"] == 128
    header = json.loads((made / "run" / "run.json").read_text(encoding="utf-8"))
    for chip, kept in zip(found["workload"]["layers"], header["workload"]["layers"], strict=True):
        # The same chip; other images than the run's 16.
        assert chip["mean_conductance"] == kept["mean_conductance"]
        assert chip["mean_input"] == pytest.approx(kept["mean_input"], rel=0.2)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "--to", "cimloop"], "must be one of neurosim, zigzag, accelforge, got 'cimloop'"),
        (["run", "--to", "zigzag", "--data", "digits"], "--data must go with a folder of convert"),
        (["chip", "--to", "zigzag"], "must be exported with inputs to measure, got no --data"),
        (["none", "--to", "zigzag"], "none must hold a readable run.json"),
    ],
    ids=["tool", "data", "no-data", "nothing"],
)
def test_wrong_on_purpose(
    made: Path, tmp_path: Path, args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(made / args[0]), *args[1:], "-o", str(tmp_path / "out")]) == 2
    assert re.search(f"error: .*{re.escape(message)}", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_a_network_with_a_digital_layer_is_exported_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert run([*DRIFT.split(), "--keep-digital", "linear", "-o", str(folder)]) == 0
    args = ["export", str(folder), "--to", "neurosim", "-o", str(tmp_path / "out")]
    assert run(args) == 2
    assert "got some elsewhere: linear (0.43 % of the multiply-adds)" in capsys.readouterr().err
    assert run([*args, "--tiles-only"]) == 0
    assert len((tmp_path / "out" / "NetWork.csv").read_text().splitlines()) == 3


def test_a_run_is_exported_without_torch(made: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from analogsim.cli.main import run\n"
        "assert run(['export', sys.argv[1], '--to', 'zigzag', '-o', sys.argv[2]]) == 0\n"
        "print(sorted({'torch', 'torchvision', 'aihwkit'} & sys.modules.keys()))\n"
    )
    command = [sys.executable, "-c", script, str(made / "run"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
