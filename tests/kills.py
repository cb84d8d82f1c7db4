"""Kill each kind of command with SIGKILL at random times, say it again, and compare the values.

    python -m tests.kills [--kills 20] [--seed 0] [KIND ...]

Commands run in forked processes of their own group, their workers with them. Times are drawn over
the whole run and, half of them, over its end: from the last result on. Charts are not drawn. One
line a kind; the exit code is 1 if anything differed from an uninterrupted run.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from analogsim.cli.main import run
from tests import charts
from tests.cli.kinds import KINDS, Kind, values


def forked(args: list[str], said: Path) -> int:
    """Start a command in a process of its own; what it says goes into a file."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        sys.argv = ["analogsim"]
        for stream, name in ((1, said), (2, said.with_suffix(".err"))):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
        code = run(args)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finished(args: list[str], said: Path) -> int:
    """The exit code of a command that is let alone."""
    _, status = os.waitpid(forked(args, said), 0)
    return os.waitstatus_to_exitcode(status)


def killed(args: list[str], said: Path, after_s: float) -> bool:
    """Kill a command after some seconds; whether it was still there."""
    child = forked(args, said)
    time.sleep(after_s)
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        # Either over, or not yet the head of its group.
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def last_result_s(folder: Path, start: float) -> float:
    """When the last trial or epoch of a run was written, in seconds since its start."""
    paths = [*folder.rglob("*.jsonl"), *folder.rglob("matched.json")]
    return max((path.stat().st_mtime for path in paths), default=start) - start


def try_kind(kind: Kind, kills: int, draw: random.Random, place: Path) -> tuple[int, list[str]]:
    """How many kills met the command alive, and what was wrong afterwards."""
    workers = tuple("2" if a == "1" and b == "--workers" else a
                    for b, a in zip(("", *kind.args), kind.args, strict=False))  # fmt: skip
    kind = Kind(args=workers, page=kind.page, spec=kind.spec)
    whole, said = place / "whole", place / "said"
    start, began = time.time(), time.monotonic()
    assert finished(kind.command(whole, place), said) == 0, said.with_suffix(".err").read_text()
    took = time.monotonic() - began
    end = last_result_s(whole, start)
    table, wanted = said.read_text().replace(str(whole), "FOLDER"), values(whole)
    met, wrong = 0, []
    for number in range(kills):
        folder = place / f"{number}"
        args = kind.command(folder, place)
        after_s = draw.uniform(*((0.0, took) if number % 2 else (end, took)))
        met += killed(args, said, after_s)
        code = finished(args, said)
        text = said.read_text().replace(str(folder), "FOLDER")
        if code or text != table or values(folder) != wanted or not (folder / kind.page).exists():
            err = said.with_suffix(".err").read_text()[-400:]
            wrong.append(f"killed after {after_s:.3f} s: exit code {code}: {err}")
        else:
            shutil.rmtree(folder)
    return met, wrong


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    charts.draw("nothing")
    bad = 0
    for name in asked.kinds or KINDS:
        place = Path(tempfile.mkdtemp(prefix="analogsim-kills-"))
        draw = random.Random(f"{asked.seed} {name}")
        met, wrong = try_kind(KINDS[name], asked.kills, draw, place)
        text = f"{name}: {asked.kills} kills, {met} of a living command, {len(wrong)} wrong\n"
        sys.stdout.write("".join([text, *(f"  {one}\n" for one in wrong)]))
        sys.stdout.flush()
        bad += len(wrong)
        if not wrong:
            shutil.rmtree(place)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
