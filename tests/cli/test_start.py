"""The program's first moments: signals, streams, and the encoding of its output."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from analogsim._version import __version__
from analogsim.cli import main as main_module
from analogsim.cli.main import run
from analogsim.cli.signals import Terminated
from tests.cli.test_run import wait_for_lines
from tests.experiment.held import PATIENCE_S, ROOT

PROGRAM = [sys.executable, "-m", "analogsim"]
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
DRIFT = ["drift", "zoo:digits_cnn", "--data", "digits", "--limit", "60", "--chips", "2000"]

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


def started(*args: str, **options: Any) -> subprocess.Popen[str]:
    """The program, as soon as it answers signals: before that Python starts, which we cannot do."""
    process = subprocess.Popen(
        [*PROGRAM, *args], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        status = Path(f"/proc/{process.pid}/status").read_text().split("SigCgt:")[-1]
        if process.poll() is not None or int(status.split()[0], 16) >> (signal.SIGTERM - 1) & 1:
            break
        time.sleep(0.001)
    return process


@needs_proc
@pytest.mark.parametrize("number", WORDS, ids=lambda number: number.name)
def test_from_its_first_moment_on_it_ends_in_one_line(number: signal.Signals) -> None:
    process = started("presets")
    process.send_signal(number)
    assert process.communicate()[1] == f"{WORDS[number]}\n"
    assert process.returncode == 128 + number


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.1, 0.5, 1.5, 3.0])
def test_during_the_imports_too(tmp_path: Path, delay_s: float) -> None:
    process = started(*DRIFT, "-o", str(tmp_path / "out"))
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    err = process.communicate()[1]
    assert process.returncode == 130
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err


@needs_proc
@pytest.mark.slow
def test_a_batch_system_s_sigterm_is_as_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started(*DRIFT, "--workers", "2", "-o", str(out), process_group=0)
    wait_for_lines(out, 2, process)
    process.terminate()
    err = process.communicate()[1]
    assert process.returncode == 143
    assert f"finished trials are safe in {out}; the same command goes on: analogsim" in err
    assert err.endswith("terminated\n")
    assert "Traceback" not in err
    # Its workers have ended with it.
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_terminated_exits_143(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(*args: object, **kwargs: object) -> None:
        raise Terminated

    monkeypatch.setattr(main_module.LazyGroup, "invoke", end)
    assert run(["demo"]) == 143
    assert capsys.readouterr().err.strip() == "terminated"


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == (f"analogsim, version {__version__}\n", "")


@pytest.mark.parametrize("code", [0, 3])
def test_it_leaves_with_its_code_and_takes_nothing_apart(code: int) -> None:
    """What is said last, and what asked to be done at the end, is not lost."""
    words = (
        "import atexit\n"
        "from analogsim.cli import main, start\n"
        "class Kept:\n"
        "    def __del__(self): print('taken apart')\n"
        "kept = Kept()\n"
        "atexit.register(print, 'at the end')\n"
        f"main.run = lambda args: print('said') or {code}\n"
        "start.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout == "said\nat the end\n"


def test_a_bug_of_ours_shows_its_traceback() -> None:
    words = "from analogsim.cli import main, start\nmain.run = lambda args: 1 // 0\nstart.main()\n"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: integer division or modulo by zero\n")


@pytest.mark.parametrize("closed", ["0<&-", ">&-", ">&- 2>&-", "0<&- >&- 2>&-"])
def test_closed_streams_are_sinks(tmp_path: Path, closed: str) -> None:
    """And no file of ours gets the number of one."""
    code = (
        "from analogsim.cli import start\n"
        "start._hold_streams()\n"
        f"file = open({str(tmp_path / 'mine')!r}, 'w')\n"
        "assert file.fileno() > 2\n"
        "print('said')\n"
    )
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run(
        [shell, "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("" if ">&-" in closed else "said\n")


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", "µ → caf\udce9"), ("latin-1", "µ \\u2192 caf\udce9")]
)
def test_what_an_encoding_lacks_is_escaped(encoding: str, expected: str) -> None:
    code = (
        "import sys\n"
        "from analogsim.cli import main\n"
        "main.run = lambda args: print('\\xb5 \\u2192 caf\\udce9', end='') or 0\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == expected.encode(encoding, "surrogateescape")


def test_a_folder_that_was_deleted_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["evaluate", "zoo:digits_cnn", "--data", "digits"]) == 2
    message = "error: working folder of analogsim evaluate must exist, got one that was deleted; cd"
    assert message in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
