"""`analogsim` in a process of its own that stands still at a trial until it is let go on.

What a test does to a run in its middle must find it there, however busy the machine is.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 600
"""A machine with ten times more work than cores is still a machine."""

SCRIPT = """
import sys, time
from pathlib import Path
from analogsim.cli.main import main
from analogsim.experiment.records import RecordWriter

at, folder = int(sys.argv.pop(1)), Path(sys.argv.pop(1))
write, written = RecordWriter.write, []

def held(self, trial):
    write(self, trial)
    written.append(trial)
    if len(written) == at:
        (folder / "reached").touch()
        while not (folder / "go").exists():
            time.sleep(0.01)

RecordWriter.write = held
main()
"""


class Held:
    """A command that stands still once it has written `at` trials.

    It stands in the process that writes; workers go on with what they were given.
    """

    def __init__(self, folder: Path, at: int, *args: object) -> None:
        """`folder`: an empty one for the signs that are given, and where the command starts."""
        self._folder = folder
        # No PIPE for stdout: a killed parent's workers would keep it open.
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(at), str(folder), *map(str, args)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        )

    def wait(self) -> None:
        """Until it stands."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self._folder / "reached").exists():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline, "it never came there"
            time.sleep(0.02)

    def go_on(self) -> str:
        """Let it run to its end; what it said on stderr."""
        (self._folder / "go").touch()
        return self.process.communicate(timeout=PATIENCE_S)[1]

    def kill(self) -> None:
        """kill -9 where it stands."""
        self.process.kill()
        self.process.communicate()
