"""`analogsim run` from end to end: kills, locks, full disks, interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from analogsim.cli.main import run
from tests.cli.tiny import IMAGES, NET
from tests.experiment.held import PATIENCE_S, ROOT
from tests.experiment.small import records

SPEC = """
model = "zoo:digits_cnn"
data = "digits"
presets = ["pcm", "gaussian"]
times = ["1s", "1d"]
limit = 90

[design]
chips = 4
"""
TINY = SPEC.replace("zoo:digits_cnn", NET).replace('"digits"', f'"{IMAGES}"').replace("90", "60")
COMMAND = [sys.executable, "-c", "from analogsim.cli.main import main; main()"]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A spec of the tiny network, for what is not about accuracies or processes."""
    path = tmp_path / "spec.toml"
    path.write_text(TINY)
    return path


def start(*args: object, **options: Any) -> subprocess.Popen[str]:
    # No PIPE for stdout: a killed parent's workers would keep it open.
    return subprocess.Popen(
        [*COMMAND, *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **options,
    )


def lines(folder: Path) -> int:
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(folder: Path, wanted: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while lines(folder) < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def test_a_spec_runs_and_a_finished_run_says_its_table_again(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["run", str(tiny), "-o", str(out)]) == 0
    first = capsys.readouterr().out
    assert lines(out) == 16
    assert run(["run", str(tiny), "-o", str(out)]) == 0
    assert capsys.readouterr().out == first
    assert lines(out) == 16
    assert len((out / "records.csv").read_text().splitlines()) == 17


def test_two_treatments_of_batchnorm_are_one_run(tmp_path: Path, tiny: Path) -> None:
    tiny.write_text(TINY.replace("limit = 60", 'limit = 30\nbn = ["digital", "fold"]'))
    assert run(["run", str(tiny), "-o", str(tmp_path / "o")]) == 0
    result = json.loads((tmp_path / "o" / "summary.json").read_text())
    assert {row["bn"] for row in result["rows"]} == {"digital", "fold"}
    sides = [(d["a"]["bn"], d["b"]["bn"]) for d in result["differences"]]
    assert ("fold", "digital") in sides


def test_yield_and_spread_are_reported(
    tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(SPEC.replace("limit = 90", 'limit = 90\nyield_above = ["50%"]'))
    assert run(["run", str(spec), "-o", str(tmp_path / "o")]) == 0
    assert "100.00 % (39.76 to 100.00) of chips reach 50.00 %" in capsys.readouterr().out
    row = json.loads((tmp_path / "o" / "summary.json").read_text())["rows"][0]
    assert row["yields"] == [{"above": 0.5, "share": 1.0, "low": pytest.approx(0.025**0.25),
                              "high": 1.0}]  # fmt: skip
    assert "5th percentile chip" in (tmp_path / "o" / "report.html").read_text()


def test_precision_is_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "zoo:digits_cnn", "--data", "digits", "--times", "1s,1y",
                "--precision", "2%", "--json", "-o", str(tmp_path / "o")]) == 0  # fmt: skip
    result = json.loads(capsys.readouterr().out)
    for row in result["rows"]:
        assert (row["ci95"][1] - row["ci95"][0]) / 2 <= 0.02
        assert row["components"].keys() == {"chip", "image", "interaction"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_loses_nothing(spec: Path, tmp_path: Path, workers: int) -> None:
    # Enough trials that the last kill comes early in them, however late this process is woken.
    spec.write_text(SPEC.replace("chips = 4", "chips = 20"))
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(["run", str(spec), "-o", str(whole)]) == 0
    left = []
    # 0: before anything is there; the later ones in the middle of the trials.
    for wanted in (0, 1, 6, 11):
        process = start("run", spec, "-o", out, "--workers", workers)
        if wanted == 0:
            time.sleep(1.0)
        wait_for_lines(out, wanted, process)
        process.kill()
        process.communicate()
        left.append(lines(out))
    # This process may be woken so late that a run is over before its kill, but not each time.
    assert any(0 < found < 80 for found in left), left
    done = start("run", spec, "-o", out, "--workers", workers)
    assert done.communicate()[1].count("error") == 0
    assert done.returncode == 0
    assert records(out) == records(whole)
    # One line each, and nothing but whole lines.
    assert lines(out) == 80
    assert (out / "report.html").exists()


@pytest.mark.slow
def test_workers_end_with_their_parent(spec: Path, tmp_path: Path) -> None:
    spec.write_text(SPEC.replace("chips = 4", "chips = 2000"))
    process = start("run", spec, "-o", tmp_path / "out", "--workers", 2, process_group=0)
    wait_for_lines(tmp_path / "out", 3, process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail("workers outlive their parent")
    count = lines(tmp_path / "out")
    assert 0 < count < 8000
    time.sleep(0.3)
    assert lines(tmp_path / "out") == count


@pytest.mark.slow
def test_ctrl_c_exits_130_and_says_how_to_go_on(spec: Path, tmp_path: Path) -> None:
    spec.write_text(SPEC.replace("chips = 4", "chips = 2000"))
    process = start("run", spec, "-o", tmp_path / "out", "--workers", 2, process_group=0)
    wait_for_lines(tmp_path / "out", 2, process)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate()[1]
    assert process.returncode == 130
    assert f"finished trials are safe in {tmp_path / 'out'}" in err
    assert "the same command goes on: analogsim run" in err
    assert "Traceback" not in err
    assert lines(tmp_path / "out") >= 2


def test_a_second_run_on_a_folder_is_refused(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    # The lock is a process's own: another process has to hold it.
    hold = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX)\n"
        "open(sys.argv[1] + '-holder', 'w').write('process 4711 on elsewhere')\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(out / ".lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert run(["run", str(tiny), "-o", str(out)]) == 2
        err = capsys.readouterr().err
        assert "by one run at a time, got a second one while process 4711 on elsewhere" in err
    finally:
        holder.communicate("")
    # A lock whose holder is gone is none.
    assert run(["run", str(tiny), "-o", str(out)]) == 0


def test_a_folder_that_cannot_be_written_is_refused(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Not even root can make a folder in /proc.
    assert run(["run", str(spec), "-o", "/proc/analogsim-test"]) == 2
    assert "output /proc/analogsim-test must be writable, got '" in capsys.readouterr().err


def test_a_file_in_the_place_of_the_folder_is_refused(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", str(spec), "-o", str(spec / "x")]) == 2
    assert "must be a folder, got a path through a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--chips", "3", "--precision", "1%"], "either --chips or --precision, got 3 chips"),
        (["--precision", "x"], "--precision must be a percentage or a fraction, got 'x'"),
        (["--precision", "60%"], "above 0 and below 0.5, got 0.6"),
        (["--yield-above", "90"], "yield accuracy must be above 0 and at most 1, got [90.0]"),
        (["--precision", "1%", "--yield-above", "90%"], "yield must be measured on whole test"),
        (["--workers", "0"], "workers must be at least 1, got 0"),
        (["--address", "a:1"], "--address must go with --on ray, got 'a:1'"),
        (
            ["--on", "ray", "--workers", "2", "--address", "a:1"],
            "--workers must go with --on local or a Ray of its own, got 2 with --address a:1",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_fit(
    tmp_path: Path, args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["drift", "zoo:digits_cnn", "--data", "digits", "-o", str(tmp_path / "o"), *args]
    assert run(command) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "o").exists()


def test_a_device_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    command = ["drift", "zoo:digits_cnn", "--data", "digits", "-o", str(tmp_path / "o")]
    assert run([*command, "--device", "cuda"]) == 2
    assert "device must be one that this machine has, got 'cuda'" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.gpu
def test_a_gpu_gives_nearly_the_cpu_s_accuracies(spec: Path, tmp_path: Path) -> None:
    # The same chips; products are rounded differently and the noise of the products is another.
    assert run(["run", str(spec), "-o", str(tmp_path / "cpu")]) == 0
    spec.write_text('device = "cuda"\n' + SPEC)
    assert run(["run", str(spec), "-o", str(tmp_path / "gpu")]) == 0
    for cpu, gpu in zip(records(tmp_path / "cpu"), records(tmp_path / "gpu"), strict=True):
        assert abs(cpu["accuracy"] - gpu["accuracy"]) < 0.05


def test_output_is_needed_unless_the_spec_is_printed(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", str(spec)]) == 2
    assert "Missing option '-o'" in capsys.readouterr().err
